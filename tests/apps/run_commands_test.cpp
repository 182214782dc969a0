// `lorae runs` and `lorae status` as a person types them, and the log as machines read it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/atomic_file.h"
#include "runs/run_directory.h"
#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"
#include "tests/report/example_folders.h"

namespace lorae::test {
namespace {

using nlohmann::json;

class RunCommands : public ::testing::Test {
 protected:
  RunCommands() {
    const std::string config = report::example_config({"lorae-8"});
    report::make_run(folder_ / "home/runs/first", {}, config);
    report::make_run(folder_ / "home/runs/second", {.rounds = 2, .has_open_round = true}, config);
  }

  Finished lorae(std::vector<std::string> words) const {
    words.insert(words.begin(), "lorae");
    words.insert(words.end(), {"--home", (folder_ / "home").string()});
    return run(words);
  }

  TemporaryFolder folder_;
};

TEST_F(RunCommands, ListRunsWithTheirStates) {
  const Finished listed = lorae({"runs"});
  EXPECT_EQ(listed.status, 0) << listed.errors;
  EXPECT_EQ(listed.output,
            "run     state    rounds  last metric\n"
            "second  stopped  2 of 6  top1 38.9 %\n"
            "first   stopped  6 of 6  top1 69.2 %\n");
  std::istringstream lines(lorae({"runs", "--json"}).output);
  int runs = 0;
  for (std::string line; std::getline(lines, line); ++runs) {
    EXPECT_EQ(json::parse(line).at("planned_rounds"), 6);
  }
  EXPECT_EQ(runs, 2);
}

TEST_F(RunCommands, SayWhereARunIs) {
  const Finished newest = lorae({"status"});
  EXPECT_EQ(newest.status, 0) << newest.errors;
  for (const char* part :
       {"second", "lorae-8: resnet8 on fashion-mnist", "stopped, 2 of 6 rounds done",
        "3 of 3 reported in round 2: ", "top1 38.9 %, loss 1.513 after round 2",
        "backbones 36.0 kB", "round 3: 3 of 3 reported"}) {
    EXPECT_NE(newest.output.find(part), std::string::npos) << part << "\n" << newest.output;
  }
  const Finished named = lorae({"status", "first", "--json"});
  EXPECT_EQ(json::parse(named.output).at("rounds"), 6);
  EXPECT_EQ(lorae({"status", (folder_ / "home/runs/first").string(), "--json"}).output,
            named.output);
}

TEST_F(RunCommands, TellWhatIsNotThereOrDamaged) {
  const Finished absent = lorae({"status", "third"});
  EXPECT_EQ(absent.status, 78);
  EXPECT_NE(absent.errors.find("holds no run: expected a folder in HOME/runs"), std::string::npos);
  write_file_atomic(folder_ / "home/runs/first/journal.db", std::string_view("no database"));
  EXPECT_EQ(lorae({"status", "first"}).status, 65);
  const Finished listed = lorae({"runs"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_NE(listed.output.find("first   damaged"), std::string::npos) << listed.output;
  EXPECT_NE(listed.output.find("\nfirst: "), std::string::npos) << listed.output;
  const Finished none = run({"lorae", "status", "--home", (folder_ / "other").string()});
  EXPECT_EQ(none.status, 78);
  EXPECT_NE(none.errors.find("there is no run in"), std::string::npos) << none.errors;
}

TEST_F(RunCommands, EndWithAnEventWhereTheLogIsJson) {
  const Finished failed =
      run({"lorae", "status", "--log-format", "json", "--home", (folder_ / "other").string()});
  EXPECT_EQ(failed.status, 78);
  const json line = json::parse(failed.errors);
  EXPECT_EQ(line.at("event"), "program.failed");
  EXPECT_EQ(line.at("level"), "error");
  EXPECT_EQ(line.at("fields").at("status"), 78);
  EXPECT_NE(line.at("message").get<std::string>().find("there is no run in"), std::string::npos);
}

}  // namespace
}  // namespace lorae::test
