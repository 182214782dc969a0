// `lorae train`, `val` and `predict` as a person types them, on pictures in files.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/base/temporary_folder.h"
#include "tests/data/files.h"
#include "tests/integration/process.h"

namespace lorae::test {
namespace {

using nlohmann::json;
namespace files = data::testing;

/// Reddish cats and blueish dogs, 20 x 20 pixels.
class TrainCommand : public ::testing::Test {
 protected:
  TrainCommand() {
    for (const auto& [half, count] : {std::pair("train", 24), {"test", 8}}) {
      for (int i = 0; i < count; ++i) {
        files::write_picture(folder_ / lorae_text("data/", half, "/cat/", i), 200 + i, 40, 5 * i,
                             20);
        files::write_picture(folder_ / lorae_text("data/", half, "/dog/", i), 5 * i, 40, 200 + i,
                             20);
      }
    }
  }

  static std::string lorae_text(const char* a, const char* half, const char* b, int i) {
    return std::string(a) + half + b + std::to_string(i) + ".png";
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::vector<std::string> train(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {
        "lorae",           "train",     path("data"),     "--model", "resnet8",
        "--out",           path(out),   "--batch",        "8",       "--set",
        "model.height=16", "--set",     "model.width=16", "--set",   "train.workers=2",
        "--set",           "threads=1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  static json ended(const Finished& done) {
    EXPECT_EQ(done.status, 0) << done.errors;
    return done.status == 0 ? json::parse(done.output) : json{};
  }

  const TemporaryFolder folder_;
};

TEST_F(TrainCommand, TrainsThenMeasuresAndPredictsWithWhatItKept) {
  const json full = ended(run(train("full", {"--kind", "full", "--epochs", "4"})));
  for (const char* key : {"task", "model", "kind", "rank", "epochs", "best_epoch", "main_metric",
                          "metrics", "trained_parameters", "total_parameters", "images_per_second",
                          "peak_memory_mb", "seconds", "digest"}) {
    EXPECT_TRUE(full.contains(key)) << key;
  }
  EXPECT_EQ(full.at("main_metric"), "top1");
  EXPECT_GT(full.at("metrics").at("top1").get<double>(), 0.9);
  const json lorae = ended(run(train("lorae", {"--kind", "lorae", "--rank", "4", "--epochs", "2",
                                               "--weights", path("full/best.safetensors")})));
  EXPECT_EQ(lorae.at("rank"), 4);
  const std::filesystem::path page = folder_ / "lorae/report.html";
  EXPECT_TRUE(std::filesystem::remove(page));
  EXPECT_EQ(run({"lorae", "report", path("lorae")}).output, "report  " + page.string() + "\n");
  EXPECT_TRUE(std::filesystem::exists(page));

  const std::vector<std::string> use = {
      "--config",  path("lorae/config.toml"),      "--weights", path("full/best.safetensors"),
      "--adapter", path("lorae/best.safetensors"), "--json"};
  std::vector<std::string> val = {"lorae", "val", path("data")};
  val.insert(val.end(), use.begin(), use.end());
  const json measured = ended(run(val));
  EXPECT_EQ(measured.at("images"), 16);
  EXPECT_NEAR(measured.at("metrics").at("loss").get<double>(),
              lorae.at("metrics").at("loss").get<double>(), 1e-4);
  EXPECT_EQ(measured.at("per_class")[1].at("name"), "dog");
  EXPECT_EQ(measured.at("per_class")[1].at("images"), 8);

  // The folder alone says as much, and so do the files: they describe themselves.
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--run", path("lorae")},
                                              {"--weights", path("full/best.safetensors"),
                                               "--adapter", path("lorae/best.safetensors")}}) {
    std::vector<std::string> again = {"lorae", "val", path("data"), "--json"};
    again.insert(again.end(), how.begin(), how.end());
    json same = ended(run(again));
    EXPECT_EQ(same.at("metrics"), measured.at("metrics"));
    EXPECT_EQ(same.at("per_class"), measured.at("per_class"));
  }
  EXPECT_EQ(ended(run({"lorae", "val", path("data"), "--run", path("full"), "--json"}))
                .at("metrics")
                .at("top1"),
            full.at("metrics").at("top1"));

  std::vector<std::string> predict = {"lorae", "predict", path("data/test/dog"),
                                      path("data/test/cat/3.png")};
  predict.insert(predict.end(), use.begin(), use.end());
  const Finished said = run(predict);
  ASSERT_EQ(said.status, 0) << said.errors;
  std::istringstream lines(said.output);
  int dogs = 0, pictures = 0;
  for (std::string text; std::getline(lines, text); ++pictures) {
    const json line = json::parse(text);
    EXPECT_EQ(line.at("width"), 20);
    EXPECT_NEAR(line["classes"][0]["probability"].get<double>() +
                    line["classes"][1]["probability"].get<double>(),
                1, 1e-5);
    dogs += line["classes"][0]["name"] == "dog" ? 1 : 0;
  }
  EXPECT_EQ(pictures, 9);
  EXPECT_GE(dogs, 7);

  const Finished saved = run({"lorae", "predict", path("data/test/dog"), path("data/test/cat"),
                              "--run", path("lorae"), "--save", path("shown")});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  int written = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path("shown"))) {
    const auto picture = cv::imread(entry.path().string());
    EXPECT_EQ(picture.cols, 20);
    EXPECT_GT(picture.rows, 20) << "a bar with text above it";
    ++written;
  }
  EXPECT_EQ(written, 16) << "none over another of the same name";
}

TEST_F(TrainCommand, MeasuresHowFastImagesAreRead) {
  const json said = ended(run({"lorae", "data", "bench", path("data"), "--workers", "2",
                               "--image-size", "16", "--batch", "5", "--json"}));
  EXPECT_GT(said.at("images_per_second").get<double>(), 0);
  EXPECT_GT(said.at("peak_memory_mb").get<double>(), 1);
  EXPECT_EQ(said.size(), 2U);
}

TEST_F(TrainCommand, GoesOnAfterAKill) {
  const std::vector<std::string> more = {"--kind", "full", "--epochs", "6"};
  const json whole = ended(run(train("whole", more)));
  {
    Process killed({.arguments = train("killed", more), .output = folder_ / "killed.log"});
    const auto begun = [&] { return std::filesystem::exists(folder_ / "killed/results.csv"); };
    while (!begun() && !killed.wait(std::chrono::milliseconds(5))) {
    }
    killed.kill(SIGKILL);
    killed.wait(std::chrono::seconds(10));
  }
  std::vector<std::string> again = train("killed", more);
  again.emplace_back("--resume");
  EXPECT_EQ(ended(run(again)).at("digest"), whole.at("digest"));
}

TEST_F(TrainCommand, LogsStepsInDoubleForOthersToCompare) {
  const json summary =
      ended(run(train("run", {"--kind", "full", "--steps", "3", "--augment", "none", "--no-shuffle",
                              "--dtype", "float64", "--log-steps", path("steps.jsonl")})));
  EXPECT_EQ(summary.at("epochs"), 1);
  std::ifstream file(path("steps.jsonl"));
  int steps = 0;
  for (std::string text; std::getline(file, text);) {
    const json line = json::parse(text);
    EXPECT_EQ(line.at("step"), ++steps);
    EXPECT_GT(line.at("loss").get<double>(), 0);
    EXPECT_TRUE(line.contains("lr") && line.contains("grad_norm"));
  }
  EXPECT_EQ(steps, 3);
}

TEST_F(TrainCommand, AResumedOneAddsToTheLogOfItsSteps) {
  const std::vector<std::string> more = {"--kind", "full",        "--epochs",
                                         "1",      "--log-steps", path("steps.jsonl")};
  ended(run(train("run", more)));
  const auto logged = [&] {
    std::ifstream file(path("steps.jsonl"));
    std::string all((std::istreambuf_iterator<char>(file)), {});
    return all;
  };
  const std::string before = logged();
  EXPECT_FALSE(before.empty());
  std::vector<std::string> again = train("run", more);
  again.emplace_back("--resume");
  ended(run(again));
  EXPECT_EQ(logged(), before) << "nothing was left to do";
}

TEST_F(TrainCommand, OverwritesNoPictureAndNoReportOfOthers) {
  ended(run(train("run", {"--kind", "full", "--epochs", "1"})));
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& part) {
    const Finished done = run(arguments);
    EXPECT_EQ(done.status, 78) << done.errors;
    EXPECT_NE(done.errors.find(part), std::string::npos) << done.errors;
  };
  for (const std::string& source : {path("data/test/dog"), path("data/test/dog/3.png")}) {
    refused({"lorae", "predict", source, "--run", path("run"), "--save", path("data/test/dog/")},
            "is a folder of the pictures themselves");
  }
  refused({"lorae", "predict", "--watch", path("data/test/dog"), "--run", path("run"), "--save",
           path("data/test/../test/dog")},
          "is a folder of the pictures themselves");
  refused({"lorae", "report", path("run"), "--out", path("data")}, "holds files");
  std::filesystem::copy(path("run"), path("other"), std::filesystem::copy_options::recursive);
  refused({"lorae", "report", path("run"), "--out", path("other")}, "holds a report of its own");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run({"lorae", "report", path("run"), "--out", path("page")}).status, 0);
  }
}

/// From another directory, too, a training is the same.
TEST_F(TrainCommand, KeepsPathsThatDoNotDependOnWhereItWasStarted) {
  ended(run(train("run", {"--kind", "full", "--epochs", "1"})));
  std::ifstream file(path("run/config.toml"));
  const std::string config((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(config.find("data = \"" + path("data") + "\""), std::string::npos) << config;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  std::vector<std::string> again = train("run", {"--kind", "full", "--epochs", "1", "--resume"});
  again[2] = "data";
  const Finished resumed = run(again);
  std::filesystem::current_path(before);
  ended(resumed);
}

TEST_F(TrainCommand, SaysWhatIsWrong) {
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& part) {
    const Finished done = run(arguments);
    EXPECT_EQ(done.status, 78) << done.errors;
    EXPECT_NE(done.errors.find(part), std::string::npos) << done.errors;
  };
  refused({"lorae", "train", path("nothing"), "--out", path("run")}, "does not exist");
  refused(train("run", {"--kind", "half"}), "--kind: train.kind: expected one of");
  refused(train("run", {"--resume"}), "holds no training to go on with");
  refused({"lorae", "val", path("data"), "--run", path("data")}, "holds no model: expected");
  refused({"lorae", "predict", path("data")}, "give --weights FILE");
}

}  // namespace
}  // namespace lorae::test
