// What is made of a sweep's trainings: means over seeds, tables that fit, what is not run.
#include "report/sweep.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "report/sweep_page.h"
#include "tests/base/temporary_folder.h"

namespace lorae::report {
namespace {

SweepRow row(const std::string& model, std::int64_t rank, std::uint64_t seed) {
  return {.table = "3",
          .data = "voc",
          .model = model,
          .kind = rank == 0 ? "full" : "lorae",
          .rank = rank,
          .seed = seed,
          .updated_parameters = 41'396'536,
          .paper_count = 41'000'000,
          .paper_millions = 41.53,
          .paper_note = "of 91 outputs",
          .paper = {{"mask_map50", 0.851}, {"mask_map50_95", 0.647}}};
}

Sweep example() {
  Sweep sweep{.title = "two seeds"};
  sweep.tables = {{.name = "3", .title = "object detection", .data = {"voc"}}};
  sweep.data = {{.name = "voc", .metrics = {"mask_map50", "mask_map50_95"}, .drawn_rank = 8}};
  sweep.rows = {row("fasterrcnn_resnet50_fpn", 0, 0), row("fasterrcnn_resnet50_fpn", 0, 1),
                row("fasterrcnn_resnet50_fpn", 64, 0)};
  return sweep;
}

void finish(SweepRow& row, double metric, double seconds) {
  row.state = CellState::kDone;
  row.metrics = {{"mask_map50", metric}};
  row.seconds = seconds;
}

TEST(Sweep, MeansAreOfTheSeedsThatAreDone) {
  Sweep sweep = example();
  finish(sweep.rows[0], 0.8, 100);
  auto cells = cells_of(sweep, "3", "voc");
  ASSERT_EQ(cells.size(), 2U);
  EXPECT_EQ(cells[0].missing(), "not run");
  EXPECT_DOUBLE_EQ(cells[0].metric("mask_map50"), 0.8);
  finish(sweep.rows[1], 0.6, 200);
  EXPECT_EQ(cells[0].missing(), "");
  EXPECT_DOUBLE_EQ(cells[0].metric("mask_map50"), 0.7);
  EXPECT_NEAR(cells[0].spread("mask_map50"), 0.1, 1e-12);
  EXPECT_DOUBLE_EQ(cells[0].seconds(), 150);
  EXPECT_TRUE(std::isnan(cells[0].metric("map50"))) << "was not measured";
  EXPECT_TRUE(std::isnan(cells[1].metric("mask_map50")));
  sweep.rows[1].state = CellState::kFailed;
  EXPECT_EQ(cells[0].missing(), "failed");
}

TEST(Sweep, TablesFitATerminalAndSayWhatIsNotRun) {
  Sweep sweep = example();
  finish(sweep.rows[0], 0.8, 12345);
  finish(sweep.rows[1], 0.8, 12345);
  for (const std::string& text : {sweep_text(sweep), plan_text(sweep)}) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 80U) << line;
    }
  }
  const std::string text = sweep_text(sweep);
  EXPECT_NE(
      text.find("fasterrcnn_resnet50_fpn full   0.851   0.800   0.647       -   41.53   41.40\n"
                "                         r64   0.851 not run   0.647 not run   41.53   41.40\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("fasterrcnn_resnet50_fpn   12345 not run\n"), std::string::npos) << text;
}

TEST(Sweep, FilesSayWhereATrainingIs) {
  const TemporaryFolder folder;
  SweepRow one = row("yolo11n", 8, 0);
  one.folder = folder / "cell";
  take_result(one);
  EXPECT_EQ(one.state, CellState::kNotRun);
  std::filesystem::create_directories(one.folder);
  const auto write = [&](const std::string& text) {
    std::ofstream(one.folder / "train.json") << text;
  };
  write(R"({"metrics": {"map50": 0.5}, "seconds": 3, "stopped": true})");
  take_result(one);
  EXPECT_EQ(one.state, CellState::kStopped);
  EXPECT_TRUE(one.metrics.empty());
  write(R"({"metrics": {"map50": 0.5}, "seconds": 3, "stopped": false})");
  take_result(one);
  EXPECT_EQ(one.state, CellState::kDone);
  EXPECT_EQ(one.metrics, (Metrics{{"map50", 0.5}}));
  for (const char* damaged : {R"({"metrics": 1, "seconds": 3})", R"({"metrics": {}})", "[]", "{"}) {
    write(damaged);
    EXPECT_THROW(take_result(one), Error) << damaged;
  }
}

TEST(Sweep, JsonAndPageHaveTheRows) {
  Sweep sweep = example();
  finish(sweep.rows[2], 0.9, 7);
  const auto json = nlohmann::json::parse(to_json(sweep, "/out"));
  EXPECT_EQ(json.at("rows").size(), 3U);
  EXPECT_EQ(json.at("rows")[2].at("metrics").at("mask_map50"), 0.9);
  EXPECT_EQ(json.at("rows")[2].at("paper").at("updated_millions"), 41.53);
  EXPECT_TRUE(json.at("rows")[0].at("seconds").is_null());
  const Page page = sweep_page(sweep);
  EXPECT_EQ(page.cards.front().value, "1 of 3");
  EXPECT_EQ(page.sections.front().title, "Table 3: object detection");
  EXPECT_EQ(page.sections.front().tables.front().rows[0][3].text, "not run");
  EXPECT_EQ(page.sections.front().tables.front().rows[1][3].text, "0.900");
}

}  // namespace
}  // namespace lorae::report
