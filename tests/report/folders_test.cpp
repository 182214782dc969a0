#include "report/folders.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "report/figure_sections.h"
#include "report/folder_config.h"
#include "report/run_page.h"
#include "report/training_page.h"
#include "tests/base/temporary_folder.h"
#include "tests/report/example_folders.h"
#include "tests/report/example_runs.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Page& page) {
  return Json::parse(to_json(page));
}

/// The chart or table of that title; null if there is none.
Json find(const Json& page, const std::string& what, const std::string& title) {
  for (const Json& section : page["sections"]) {
    for (const Json& one : section[what]) {
      if (one["title"] == title) {
        return one;
      }
    }
  }
  return {};
}

ComparisonDetails read(std::vector<fs::path> folders) {
  return read_simulations(folders);
}

TEST(Folders, AreToldByTheirFiles) {
  const TemporaryFolder folder;
  make_simulation(folder / "simulation", {"lorae-8"}, 1);
  make_run(folder / "run", {}, example_config({"lorae-8"}));
  make_training(folder / "training");

  EXPECT_EQ(content_of(folder / "simulation"), Content::kSimulation);
  EXPECT_EQ(content_of(folder / "run"), Content::kRun);
  EXPECT_EQ(content_of(folder / "training"), Content::kTraining);
  try {
    content_of(folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
    EXPECT_NE(std::string(error.what()).find("holds nothing to report: expected config.toml"),
              std::string::npos);
  }
}

TEST(Simulation, IsReadWithItsCurvesByRound) {
  const TemporaryFolder folder;
  make_simulation(folder.path(), {"lorae-8"}, 2);

  const Comparison comparison = read({folder.path()}).comparison;

  ASSERT_EQ(comparison.runs.size(), 4U);
  const ComparisonRun& run = comparison.runs[1];
  EXPECT_EQ(run.name, "lorae-8");
  EXPECT_EQ(run.rounds, 6);
  EXPECT_EQ(run.clients, 4);
  EXPECT_EQ(run.trainable_parameters, 100);
  EXPECT_EQ(run.backbone_bytes_once, 9000);
  ASSERT_EQ(run.by_round.size(), 6U);
  EXPECT_EQ(run.by_round[0].updates, 3);
  EXPECT_EQ(run.by_round[0].uplink_bytes, 3 * 2440);
  EXPECT_EQ(run.by_round[0].downlink_bytes, 3 * 2470);
  EXPECT_EQ(run.by_round[0].control_bytes, 3 * 10);
  EXPECT_EQ(run.curve.back().bytes, 6 * 3 * (2440 + 2470));
  EXPECT_DOUBLE_EQ(run.uplink_bytes_per_client_round, 2440 + 4 * 30 / 18.0);
}

TEST(Simulation, MarksWhatIsStillRunningAndWhatHasNotBegun) {
  const TemporaryFolder folder;
  make_simulation(folder.path(), {"lorae-8", "head"}, 1, /*unfinished=*/true);
  fs::remove_all(run_path(folder.path(), "lorae-8", 0));

  const ComparisonDetails details = read({folder.path()});
  const Json table = find(json_of(comparison_page(details)), "tables", "Methods");

  EXPECT_EQ(details.notes.at(1), "Not begun yet: lorae-8 seed 0");
  EXPECT_EQ(table["rows"][1][0], "head (running)");
  EXPECT_EQ(table["rows"][1][2], Json::parse("[4, \"4 of 6\"]"));
  EXPECT_NE(comparison_table(details.comparison).find("head (round 4 of 6)"), std::string::npos);
}

TEST(Simulations, AreJoinedUnderNamesOfTheirOwn) {
  const TemporaryFolder folder;
  make_simulation(folder / "a", {"lorae-8"}, 1);
  make_simulation(folder / "b", {"head"}, 1);

  const ComparisonDetails details = read({folder / "a", folder / "b"});

  EXPECT_EQ(run_names(details.comparison),
            (std::vector<std::string>{"full", "lorae-8", "full (b)", "head"}));
  EXPECT_EQ(title_of(details.comparison), "lorae-8, full (b) and head against full");
  write_simulations(details, folder / "out");
  for (const char* file : {"report.html", "comparison.json", "curves.csv"}) {
    EXPECT_TRUE(fs::exists(folder / "out" / file)) << file;
  }
}

/// One configuration with other seeds is one comparison; another one never is, whatever its folder
/// is called.
TEST(Simulations, ArePooledIfSeedsAloneDiffer) {
  const TemporaryFolder folder;
  for (const char* name : {"a/run", "b/run", "c/run", "d/run", "e/run"}) {
    make_simulation(folder / name, {"lorae-8"}, 1);
  }
  const auto change = [&](const char* name, std::string_view from, std::string_view to) {
    std::string text(text_of(read_file(folder / name / "config.toml")));
    ASSERT_NE(text.find(from), std::string::npos) << text;
    text.replace(text.find(from), from.size(), to);
    write_file_atomic(folder / name / "config.toml", text);
  };
  for (const char* name : {"b/run", "e/run"}) {
    change(name, "seeds = [0]", "seeds = [1]");
    for (const char* method : {"full", "lorae-8"}) {
      fs::rename(run_path(folder / name, method, 0), run_path(folder / name, method, 1));
    }
  }
  change("d/run", "rounds = 6", "rounds = 7");
  const ComparisonDetails details = read(
      {folder / "a/run", folder / "b/run", folder / "c/run", folder / "d/run", folder / "e/run"});
  EXPECT_EQ(run_names(details.comparison),
            (std::vector<std::string>{"full", "lorae-8", "full (run)", "lorae-8 (run)",
                                      "full (run 2)", "lorae-8 (run 2)"}));
  const auto rows = summaries(details.comparison);
  EXPECT_EQ(rows.at(1).seeds, 2);
  EXPECT_EQ(rows.at(3).seeds, 2) << "c and e, whose seed b has already";
  EXPECT_FALSE(rows.at(3).running);
  EXPECT_TRUE(rows.at(5).running) << "six rounds of seven";
}

FolderConfig config_of(const std::string& text) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "config.toml", std::string_view(text));
  return read_folder_config(folder / "config.toml");
}

TEST(FolderConfig, WhatRunsAreIsNotHowTheyAreCarriedOut) {
  const auto text = [](const char* device, const char* bind, const char* seeds, const char* lose) {
    return config_of(str("seed = 0\ndevice = [\"", device, "\"]\n\n[network]\nbind = \"", bind,
                         "\"\n\n[simulation]\nseeds = ", seeds, "\nlose = ", lose,
                         "\n\n[[methods]]\nname = \"a\"\n"))
        .text_of_runs();
  };
  const std::string one = text("auto", "tcp://*:1", "[0]", "[]");
  EXPECT_EQ(text("cuda:0", "tcp://*:2", "[1]", "[]"), one);
  EXPECT_NE(text("auto", "tcp://*:1", "[0]", "[\"client-03@5\"]"), one);
  EXPECT_NE(one.find("name = \"a\""), std::string::npos);
}

TEST(FolderConfig, SaysWhatEachMethodIsWhereTheyDiffer) {
  const std::string all =
      "[model]\nname = \"resnet8\"\n[data]\npath = \"/x/mnist/\"\npartition = "
      "\"dirichlet_client\"\ndirichlet_alpha = 0.3\nshards = 2\n[federation]\nrounds = 6\nclients "
      "= 4\n[[methods]]\nname = \"a\"\n";
  EXPECT_EQ(config_of(all).summary(),
            "resnet8 on mnist, 4 clients, 4 per round, 6 rounds, dirichlet_client 0.3");
  EXPECT_EQ(config_of(all + "[[methods]]\nname = \"b\"\n[methods.model]\nname = "
                            "\"yolov8n-cls\"\n[methods.data]\npartition = \"shards\"\n")
                .summary(),
            "4 clients, 4 per round, 6 rounds; a: resnet8 on mnist, dirichlet_client 0.3; b: "
            "yolov8n-cls on mnist, shards 2");
}

TEST(ComparisonPage, ShowsMetricsOverRoundsAndBytesAndLayersByStage) {
  const TemporaryFolder folder;
  make_simulation(folder.path(), {"lorae-8"}, 2);

  const Json page = json_of(comparison_page(read({folder.path()})));

  EXPECT_EQ(page["title"], "lorae-8 against full");
  EXPECT_EQ(page["baseline"], "full");
  const Json rounds = find(page, "charts", "top1 by round");
  ASSERT_EQ(rounds["series"].size(), 2U);
  EXPECT_EQ(rounds["series"][1]["name"], "lorae-8");
  EXPECT_EQ(rounds["series"][1]["points"].size(), 6U);
  EXPECT_EQ(rounds["series"][1]["points"][0].size(), 4U) << "two seeds: a band";
  const Json bytes = find(page, "charts", "top1 against bytes both ways");
  EXPECT_EQ(bytes["x"]["unit"], "bytes");
  EXPECT_EQ(bytes["x"]["log"], true);
  EXPECT_EQ(bytes["series"][1]["points"][1][0], 2 * 3 * (2440 + 2470));
  EXPECT_FALSE(find(page, "charts", "loss by round").is_null());
  const Json layers = find(page, "charts", "lorae-8, uplink: bytes by layer and stage");
  EXPECT_EQ(layers["labels"], Json::parse(R"(["conv1", "layer1.0.conv2"])"));
  EXPECT_EQ(layers["series"][2]["name"], "coded");
  EXPECT_EQ(layers["series"][2]["values"], Json::parse("[800, 1600]"));
  EXPECT_EQ(find(page, "charts", "Examples by client and class")["series"][2]["name"], "<bird>");
}

TEST(ComparisonPage, HasTheMethodOnTopThatSavesMostOfThoseThatReachTheTarget) {
  const auto top = [](double cheap) {
    const Comparison comparison =
        comparison_of({run_of("full", 1, 0.875, 4000), run_of("best", 1, 0.870, 2000),
                       run_of("cheap", 1, cheap, 100)});
    return comparison_page({.comparison = comparison, .records = {}, .notes = {}, .config = {}})
        .cards.at(0);
  };

  EXPECT_EQ(top(0.85).value, "40.0\u00d7 less");
  EXPECT_EQ(top(0.85).what, "uplink with cheap than with full: 100 B per client and round");
  EXPECT_EQ(top(0.80).value, "2.0\u00d7 less") << "it did not reach 95 % of the baseline's metric";
}

TEST(RunPage, ShowsWhatOneRunReachedAndWhoTookPart) {
  const TemporaryFolder folder;
  make_run(folder / "run", {.rounds = 4, .has_open_round = true}, example_config({"lorae-8"}));

  const Json page =
      json_of(run_page(read_folder_config(folder / "run/config.toml"), read_run(folder / "run")));

  EXPECT_EQ(page["title"], "lorae-8: resnet8 on fashion-mnist");
  EXPECT_EQ(page["cards"][1]["value"], "4 of 6");
  EXPECT_EQ(find(page, "tables", "By round")["rows"].size(), 4U);
  const Json clients = find(page, "tables", "Clients");
  ASSERT_EQ(clients["rows"].size(), 4U);
  EXPECT_EQ(clients["rows"][0], Json::parse(R"(["client-1", 3, 3, 45, 7350, 7410, 9000, 0.25])"));
  EXPECT_EQ(find(page, "charts", "Clients by round")["series"][1]["points"][0],
            Json::parse("[1, 3]"));
}

TEST(RunPage, ShowsWhoHoldsWhatAndHowTheGlobalModelIsJudged) {
  const TemporaryFolder folder;
  make_run(folder / "run", {.rounds = 4}, example_config({"lorae-8"}));
  EXPECT_FALSE(read_run(folder / "run").judged);
  for (const std::uint64_t round : {0U, 2U, 12U}) {
    Figures figures = example_figures(3, {"boxes"});
    figures.metrics.set("map50", static_cast<double>(round) / 100);
    make_judgement(folder / "run", figures, round);
  }
  write_file_atomic(folder / "run/figures-1.json", std::string_view("of somebody else"));

  const RunRecord record = read_run(folder / "run");

  EXPECT_EQ(record.judged_round, RoundId{12});
  EXPECT_EQ(record.judged->metrics.find("map50"), 0.12);
  // 0, 5, 40; 10, 5, 30; 20, 5, 20; 30, 5, 10 examples: 1/3, 1/9, 1/9 and 1/3 from 60, 20, 100.
  EXPECT_NEAR(*skew_of(record), 2.0 / 9, 1e-12);
  const fs::path out = folder / "out";
  write_single_report(folder / "run", out);
  const Json page = json_of(run_page(read_folder_config(folder / "run/config.toml"), record));
  const Json& classes = page["sections"].back();
  EXPECT_EQ(classes["title"], "Who holds which classes");
  EXPECT_TRUE(classes["note"].get<std::string>().starts_with("Skew 0.222: "));
  EXPECT_EQ(find(page, "charts", "Precision over recall")["series"].size(), 4U);
  EXPECT_EQ(find(page, "tables", "By class")["rows"].size(), 3U);
  const Json clients = find(page, "tables", "Clients");
  EXPECT_EQ(clients["columns"].back()["name"], "loss/train");
  EXPECT_EQ(clients["rows"][0].back(), 0.25);
  const Section sheets = sheets_section(folder / "run");
  ASSERT_EQ(sheets.pictures.size(), 3U);
  EXPECT_EQ(sheets.pictures[0].title, "Before the first round");
  EXPECT_EQ(sheets.pictures[2].title, "After round 12");
  const Bytes html = read_file(out / "report.html");
  EXPECT_NE(text_of(html).find("data:image/jpeg;base64,/9j/"), std::string_view::npos);
}

TEST(ComparisonPage, HasEachMethodByClassAndTheSkewOfRunsThatDiffer) {
  const TemporaryFolder folder;
  make_simulation(folder.path(), {"lorae-8"}, 2);
  make_judgement(run_path(folder.path(), "lorae-8", 0), example_figures(3, {"boxes"}), 6);

  const Json page = json_of(comparison_page(read({folder.path()})));

  const Json table = find(page, "tables", "By class");
  EXPECT_EQ(table["note"], "map50_95 of the first seed: lorae-8 after round 6.");
  ASSERT_EQ(table["rows"].size(), 3U);
  EXPECT_EQ(table["rows"][1][0], "motorcycle 1");
  EXPECT_EQ(table["rows"][1][1], 0.25);
  EXPECT_TRUE(find(page, "tables", "Skew of each run").is_null()) << "all were dealt alike";
}

TEST(TrainingPage, ShowsLossesMetricsAndRatesByEpoch) {
  const TemporaryFolder folder;
  make_training(folder.path());

  const Json page = json_of(training_page(folder.path()));

  EXPECT_EQ(page["title"], "resnet18, lorae of rank 8, on fashion-mnist");
  EXPECT_EQ(page["cards"][0]["what"], "top1 after epoch 12, the best one");
  EXPECT_EQ(page["cards"][2]["value"], "2.2 %");
  EXPECT_EQ(find(page, "charts", "Metrics by epoch")["series"].size(), 2U);
  EXPECT_EQ(find(page, "charts", "Losses by epoch")["series"][0]["name"], "train/loss");
  EXPECT_EQ(find(page, "charts", "Learning rate by epoch")["series"][0]["points"].size(), 12U);
  EXPECT_EQ(find(page, "tables", "By epoch")["rows"].size(), 12U);
}

TEST(TrainingPage, SaysThatATrainingHasNotEnded) {
  const TemporaryFolder folder;
  make_training(folder.path(), /*ended=*/false);

  EXPECT_EQ(json_of(training_page(folder.path()))["notes"][0],
            "/data/fashion-mnist; the training has not ended yet");
}

TEST(TrainingPage, RefusesWhatIsNoTable) {
  const TemporaryFolder folder;
  make_training(folder.path());
  for (const char* text : {"", "a,b\n1,2\n", "epoch,lr\n1\n", "epoch,lr\n1,2,3\n"}) {
    write_file_atomic(folder / "results.csv", std::string_view(text));
    EXPECT_THROW(training_page(folder.path()), Error) << text;
  }
  write_file_atomic(folder / "results.csv", std::string_view("epoch,lr\n1,nan\n"));
  EXPECT_EQ(json_of(training_page(folder.path()))["sections"][0]["tables"][0]["rows"][0],
            Json::parse("[1, null]"));
  write_file_atomic(folder / "train.json", std::string_view("{"));
  EXPECT_THROW(training_page(folder.path()), Error);
}

}  // namespace
}  // namespace lorae::report
