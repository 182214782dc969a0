// `lorae sweep` as a person types it: the paper's configurations, and a small one on composed
// scenes.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"

namespace lorae::test {
namespace {

using nlohmann::json;

std::string paper_config(const std::string& name) {
  return std::string(LORAE_SOURCE) + "/configs/paper/" + name + ".toml";
}

json planned(const std::string& name) {
  const Finished done = run({"lorae", "sweep", paper_config(name), "--dry-run", "--json"});
  EXPECT_EQ(done.status, 0) << done.errors;
  return done.status == 0 ? json::parse(done.output).at("rows") : json::array();
}

/// "yolo11n r8" of the rows whose note is not that the rule gives the paper's number.
std::set<std::string> noted(const json& rows, const std::string& note) {
  std::set<std::string> found;
  for (const json& row : rows) {
    if (row.at("paper_note").get<std::string>().starts_with(note)) {
      found.insert(row.at("model").get<std::string>() + " r" +
                   std::to_string(row.at("rank").get<int>()));
    }
  }
  return found;
}

TEST(SweepPlans, HaveEveryRowOfThePaperWithoutData) {
  std::map<std::string, int> rows_of_table;
  for (const auto& [name, metrics] : {std::pair("classification", std::pair("top1", "top5")),
                                      {"detection", {"map50", "map50_95"}},
                                      {"segmentation", {"mask_map50", "mask_map50_95"}}}) {
    for (const json& row : planned(name)) {
      ++rows_of_table[row.at("table")];
      EXPECT_GT(row.at("updated_parameters").get<int>(), 10000) << row;
      EXPECT_EQ(row.at("state"), "not run");
      const json& paper = row.at("paper");
      for (const std::string metric : {metrics.first, metrics.second}) {
        EXPECT_TRUE(paper.contains(metric)) << row;
      }
      ASSERT_TRUE(paper.contains("updated_millions")) << row;
      const double apart =
          paper.at("updated_millions").get<double>() - row.at("paper_count").get<double>() / 1e6;
      if (row.at("paper_note") == "agrees") {
        EXPECT_LE(std::abs(apart), 0.00501) << row;
      } else if (row.at("paper_note") == "cut") {
        EXPECT_LE(std::abs(apart), 0.1) << row;
      } else {
        EXPECT_FALSE(row.at("paper_note").get<std::string>().empty()) << row;
      }
    }
  }
  // A row of two data sets counts twice.
  EXPECT_EQ(rows_of_table, (std::map<std::string, int>{
                               {"2", 12}, {"3", 24}, {"4", 24}, {"5", 42}, {"6", 84}, {"7", 84}}));
}

TEST(SweepPlans, SayWhichNumbersOfThePaperFollowFromNoRule) {
  const json classification = planned("classification"), detection = planned("detection"),
             segmentation = planned("segmentation");
  EXPECT_EQ(noted(classification, "differs"), std::set<std::string>{});
  EXPECT_EQ(noted(classification, "has adapters"),
            (std::set<std::string>{"yolov8n-cls r0", "yolov8x-cls r0"}));
  EXPECT_EQ(noted(detection, "differs"), std::set<std::string>{"yolov8x r0"}) << "68.20 in table 3";
  EXPECT_EQ(noted(detection, "of no rank"), (std::set<std::string>{"yolo11x r2", "yolo11x r64"}));
  EXPECT_EQ(noted(segmentation, "differs"), std::set<std::string>{"yolov8x-seg r64"});
  EXPECT_EQ(noted(segmentation, "of no rank"), std::set<std::string>{"yolo11n-seg r64"});
  for (const char* model : {"resnet152", "efficientnet_b1"}) {
    EXPECT_TRUE(noted(classification, "of no rule").contains(std::string(model) + " r64"));
  }
  EXPECT_EQ(noted(detection, "of no rule").size(), 6U) << "Faster R-CNN";
  EXPECT_EQ(noted(segmentation, "of no rule").size(), 12U) << "U-Net, DeepLabV3";
}

TEST(SweepPlans, FitATerminal) {
  for (const char* name : {"classification", "detection", "segmentation", "small"}) {
    const Finished done = run({"lorae", "sweep", paper_config(name), "--dry-run"});
    ASSERT_EQ(done.status, 0) << done.errors;
    std::istringstream lines(done.output);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 80U) << line;
    }
  }
  const Finished part =
      run({"lorae", "sweep", paper_config("detection"), "--dry-run", "--only", "3"});
  EXPECT_EQ(part.output.find("Table 6"), std::string::npos);
  const Finished none =
      run({"lorae", "sweep", paper_config("detection"), "--dry-run", "--only", "5"});
  EXPECT_EQ(none.status, 78);
  EXPECT_NE(none.errors.find("no table '5'; the configuration has: 3, 6"), std::string::npos)
      << none.errors;
}

/// Two trainings on composed scenes, and where it says so another on a set that is not there.
class SweepCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
      GTEST_SKIP() << "needs the package dataset-fashion-mnist";
    }
    const Finished made =
        run({"lorae", "data", "scenes", path("root/set"), "--images", "12", "--val", "6",
             "--image-size", "64", "--classes", "3", "--seed", "3"});
    ASSERT_EQ(made.status, 0) << made.errors;
    write("two.toml", "");
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void write(const std::string& name, const std::string& before) const {
    std::ofstream(folder_ / name) << R"(
set = ["train.epochs=3", "train.workers=1", "threads=1"]
)" << before << R"(
[[data]]
name = "scenes"
path = "set"
classes = 3
metrics = ["map50", "map50_95"]
models = ["yolov8n"]
ranks = [2]
set = ["model.height=64", "model.width=64", "train.batch_size=4"]
)";
  }

  std::vector<std::string> sweep(const std::string& config,
                                 const std::string& out,
                                 std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"lorae",      "sweep", path(config), "--data",
                                          path("root"), "--out", path(out)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  json rows(const std::string& out) const {
    return json::parse(std::ifstream(folder_ / out / "sweep.json")).at("rows");
  }

  const TemporaryFolder folder_;
};

TEST_F(SweepCommand, GoesOnWhereItWasStoppedAndTrainsNothingTwice) {
  const Finished whole = run(sweep("two.toml", "whole"));
  ASSERT_EQ(whole.status, 0) << whole.errors;
  EXPECT_NE(whole.output.find("Table 1: sweep"), std::string::npos) << whole.output;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "whole/sweep.html"));
  for (const int signal : {SIGKILL, SIGINT}) {
    Process stopped({.arguments = sweep("two.toml", "stopped"), .output = folder_ / "stopped.log"});
    const auto begun = [&] {
      const char* cell = signal == SIGKILL ? "stopped/scenes/yolov8n-full-s0/results.csv"
                                           : "stopped/scenes/yolov8n-lorae-r2-s0/config.toml";
      return std::filesystem::exists(folder_ / cell);
    };
    while (!begun() && !stopped.wait(std::chrono::milliseconds(5))) {
    }
    stopped.kill(signal);
    const auto status = stopped.wait(std::chrono::seconds(60));
    EXPECT_EQ(status, signal == SIGKILL ? 128 + SIGKILL : 130) << stopped.errors();
  }
  EXPECT_EQ(rows("stopped")[0].at("state"), "done");
  EXPECT_EQ(rows("stopped")[1].at("state"), "stopped");
  EXPECT_TRUE(rows("stopped")[1].at("seconds").is_null());
  ASSERT_EQ(run(sweep("two.toml", "stopped")).status, 0);
  ASSERT_EQ(rows("stopped").size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rows("stopped")[i].at("metrics"), rows("whole")[i].at("metrics")) << i;
    EXPECT_EQ(rows("stopped")[i].at("state"), "done");
    EXPECT_GT(rows("stopped")[i].at("seconds").get<double>(), 0);
  }
  const auto summary = folder_ / "whole/scenes/yolov8n-full-s0/train.json";
  const auto before = std::filesystem::last_write_time(summary);
  const Finished again = run(sweep("two.toml", "whole", {"--json"}));
  EXPECT_EQ(json::parse(again.output).at("rows"), rows("whole"));
  EXPECT_EQ(std::filesystem::last_write_time(summary), before);
  const json trained = rows("whole")[1];
  const json own = json::parse(
      std::ifstream(folder_ / "whole" / trained.at("folder").get<std::string>() / "train.json"));
  EXPECT_EQ(trained.at("updated_parameters"), own.at("trained_parameters")) << "as planned";
}

TEST_F(SweepCommand, AFailureIsToldAndTheOthersGoOn) {
  write("three.toml", R"(
[[data]]
name = "absent"
path = "nowhere"
classes = 3
metrics = ["map50"]
models = ["yolov8n"]
kinds = ["full"]
)");
  const std::vector<std::string> quick = {"--set", "train.epochs=1"};
  const Finished failed = run(sweep("three.toml", "out", quick));
  EXPECT_EQ(failed.status, 78) << failed.errors;
  EXPECT_NE(
      failed.errors.find("1 of 3 trainings failed, absent/yolov8n-full-s0 first: no data set"),
      std::string::npos)
      << failed.errors;
  EXPECT_EQ(rows("out")[0].at("state"), "failed");
  EXPECT_EQ(rows("out")[1].at("state"), "done");
  EXPECT_EQ(rows("out")[2].at("state"), "done");
  EXPECT_NE(failed.output.find(" failed"), std::string::npos) << failed.output;

  std::vector<std::string> skipping = quick;
  skipping.emplace_back("--skip-missing");
  const Finished skipped = run(sweep("three.toml", "out", skipping));
  EXPECT_EQ(skipped.status, 0) << skipped.errors;
  EXPECT_EQ(rows("out")[0].at("state"), "not run");
  EXPECT_NE(skipped.output.find("not run"), std::string::npos) << skipped.output;

  const Finished other =
      run(sweep("three.toml", "out", {"--set", "train.epochs=2", "--skip-missing"}));
  EXPECT_EQ(other.status, 78) << other.errors;
  EXPECT_NE(
      other.errors.find("was trained with other settings: train.epochs 1 -> 2; remove that folder"),
      std::string::npos)
      << other.errors;
}

TEST_F(SweepCommand, SaysWhatIsWrong) {
  const auto refused = [&](const std::string& config, const std::string& part) {
    std::ofstream(folder_ / "bad.toml") << config;
    const Finished done = run({"lorae", "sweep", path("bad.toml"), "--dry-run"});
    EXPECT_EQ(done.status, 78) << config;
    EXPECT_NE(done.errors.find(part), std::string::npos) << done.errors;
  };
  const std::string data = "[[data]]\nname = 'a'\npath = 'b'\nmetrics = ['top1']\n";
  refused("title = 'nothing'\n", "nothing to train: expected [[data]]");
  refused(data + "models = ['yolo99']\n",
          "bad.toml:5: data.0.models: 'yolo99' is none of the models");
  refused(data + "models = ['resnet8']\nset = ['train.epochs=3', 'train.rate=1']\n",
          "bad.toml:6: data.0.set:2: train.rate: unknown key");
  refused(data + "models = ['resnet8']\n[data.printed]\nresnet8.r8 = [0.5, 0.6]\n",
          "bad.toml:7: data.0.printed.resnet8.r8: expected a number for each of top1, got 2");
  refused(data + "models = ['resnet8']\n[[tables]]\nname = '1'\ndata = ['c']\n",
          "bad.toml:8: tables.0.data: 'c' is none of the names of [[data]]");
  const Finished no_data = run({"lorae", "sweep", path("two.toml")});
  EXPECT_EQ(no_data.status, 78);
  EXPECT_NE(no_data.errors.find("no data: give --data"), std::string::npos) << no_data.errors;
  EXPECT_EQ(run(sweep("two.toml", "root")).status, 78) << "a folder of others";
}

}  // namespace
}  // namespace lorae::test
