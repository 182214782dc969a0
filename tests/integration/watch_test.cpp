// `lorae predict --watch`: a program that goes on predicting while its federation learns.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "tests/integration/deployment.h"
#include "tests/integration/pictures.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Watch : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_fashion_mnist()) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
    write_pictures(folder_ / "pictures", {{"bag", kBag}}, 40);
    for (const auto& entry : fs::directory_iterator(folder_ / "pictures/bag")) {
      pictures_.push_back(entry.path());
    }
    fs::create_directory(folder_ / "camera");
  }

  Process watcher(const std::string& output, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{
        "lorae", "predict",   "--watch", (folder_ / "camera").string(),
        "--set", "threads=1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Process({.arguments = arguments, .output = folder_ / output});
  }

  /// The camera writes its next picture, slowly.
  void shoot() {
    const fs::path& picture = pictures_.at(shot_++);
    std::ifstream from(picture, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(from)), {});
    std::ofstream to(folder_ / "camera" / picture.filename(), std::ios::binary);
    to << bytes.substr(0, bytes.size() / 2) << std::flush;
    std::this_thread::sleep_for(milliseconds(20));
    to << bytes.substr(bytes.size() / 2);
  }

  static std::vector<json> lines(const std::string& text) {
    std::vector<json> found;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      found.push_back(json::parse(line));
    }
    return found;
  }

  /// Waits for a line per picture that was shot; gives all lines.
  std::vector<json> seen(Process& process) const {
    for (int i = 0; i < 600; ++i) {
      const auto found = lines(process.output().substr(0, process.output().rfind('\n') + 1));
      if (found.size() >= shot_) {
        return found;
      }
      std::this_thread::sleep_for(milliseconds(50));
    }
    return lines(process.output());
  }

  TemporaryFolder folder_;
  std::vector<fs::path> pictures_;
  std::size_t shot_ = 0;
};

TEST_F(Watch, TakesEachNewGlobalAdapterAndLosesNoPicture) {
  fs::create_directory(folder_ / "federation");
  Deployment deployment(folder_ / "federation", 6);
  deployment.start_coordinator();
  ASSERT_TRUE(deployment.coordinator().wait_for("run.start", seconds(120)))
      << deployment.coordinator_errors();
  Process program = watcher("seen.json", {"--adapter-from", deployment.home().string()});
  shoot();  // before there is a model
  ASSERT_TRUE(program.wait_for("model.waiting", seconds(60))) << program.errors();
  deployment.start_clients();
  while (!deployment.coordinator().wait(milliseconds(100)) && shot_ + 3 < pictures_.size()) {
    shoot();
  }
  ASSERT_NE(deployment.digest(), "") << deployment.coordinator_errors();
  ASSERT_TRUE(program.wait_for("model.changed round=6", seconds(60))) << program.errors();
  shoot();

  const std::vector<json> found = seen(program);
  program.kill(SIGINT);
  EXPECT_EQ(program.wait(seconds(20)), 0) << program.errors();
  ASSERT_EQ(found.size(), shot_) << program.errors();
  std::set<std::string> files, adapters;
  std::uint64_t round = 0;
  for (const json& line : found) {
    files.insert(line.at("file").get<std::string>());
    adapters.insert(line.at("adapter").at("digest").get<std::string>());
    const auto own = line.at("adapter").at("round").get<std::uint64_t>();
    EXPECT_GE(own, round) << "an older adapter came back";
    EXPECT_EQ(line.at("width"), 28);
    EXPECT_FALSE(line.at("classes").empty());
    round = own;
  }
  EXPECT_EQ(files.size(), shot_) << "one line each";
  EXPECT_EQ(round, 6U);
  EXPECT_GE(adapters.size(), 2U);
  EXPECT_EQ(program.errors().find("picture.skipped"), std::string::npos) << program.errors();

  // A device keeps the adapters that it is given, too.
  Process on_device =
      watcher("on_device.json",
              {"--adapter-from", (deployment.home() / "models" / client_name(0)).string()});
  const std::vector<json> again = seen(on_device);  // those that lie there
  ASSERT_EQ(again.size(), shot_) << on_device.errors();
  EXPECT_EQ(again.back().at("adapter").at("digest"), found.back().at("adapter").at("digest"));
  std::ofstream(folder_ / "camera/broken.png") << "no picture";
  ASSERT_TRUE(on_device.wait_for("picture.skipped", seconds(20))) << on_device.errors();
  fs::rename(pictures_.at(shot_), folder_ / "camera" / pictures_.at(shot_).filename());
  ++shot_;
  EXPECT_EQ(seen(on_device).size(), shot_) << "and goes on";
}

TEST_F(Watch, SaysWhatIsWrong) {
  const auto refused = [&](const std::vector<std::string>& more, const std::string& why) {
    std::vector<std::string> arguments{"lorae", "predict"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished done = run(arguments);
    EXPECT_NE(done.status, 0);
    EXPECT_NE(done.errors.find(why), std::string::npos) << done.errors;
  };
  refused({"--watch", (folder_ / "none").string(), "--adapter-from", folder_.path().string()},
          "none' is no folder");
  refused({"--watch", (folder_ / "camera").string(), "--adapter-from", (folder_ / "no").string()},
          "--adapter-from: '");
  refused({"--watch", (folder_ / "camera").string()}, "give --weights FILE");
  refused({}, "give pictures or folders of them, or --watch DIR");
}

}  // namespace
}  // namespace lorae::test
