#include "report/run_status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "runs/run_directory.h"
#include "tests/base/temporary_folder.h"
#include "tests/report/example_folders.h"

namespace lorae::report {
namespace {

using Names = std::vector<std::string>;

TEST(RunStatus, SaysWhatIsDoneAndWhomTheOpenRoundWaitsFor) {
  const TemporaryFolder folder;
  make_run(folder / "run", {.rounds = 4, .has_open_round = true}, example_config({"lorae-8"}));

  const RunStatus status = run_status(folder / "run");

  EXPECT_EQ(status.state, RunState::kStopped);
  EXPECT_FALSE(status.damage);
  EXPECT_EQ(status.method, "lorae-8");
  EXPECT_EQ(status.summary,
            "resnet8 on fashion-mnist, 4 clients, 3 per round, 6 rounds, dirichlet 0.3");
  EXPECT_EQ(status.rounds, 4);
  EXPECT_EQ(status.planned_rounds, 6);
  ASSERT_TRUE(status.last);
  EXPECT_EQ(status.last->round, RoundId{4});
  EXPECT_EQ(status.last->cohort.size(), 3U);
  EXPECT_TRUE(status.last->missing().empty());
  EXPECT_EQ(status.last_seconds, 1.5);
  ASSERT_TRUE(status.open);
  EXPECT_EQ(status.open->round, RoundId{5});
  EXPECT_EQ(status.measured, RoundId{4});
  EXPECT_EQ(status.main_metric, "top1");
  EXPECT_TRUE(status.metrics.find("loss"));
  EXPECT_EQ(status.uplink_bytes, 5 * 3 * (3 * 4000 / 5 + 40) + 4 * 30);
  EXPECT_EQ(status.downlink_bytes, 5 * 3 * (3 * 4000 / 5 + 60 + 10));
  EXPECT_EQ(status.backbone_bytes, 4 * 9000);
}

TEST(RoundClients, MissWhoHasNotReported) {
  const RoundClients round{.round = RoundId{2}, .cohort = {"a", "b", "c"}, .reported = {"b"}};
  EXPECT_EQ(round.missing(), (Names{"a", "c"}));
}

TEST(RunStatus, TellsWhetherAProcessWorksOnIt) {
  const TemporaryFolder folder;
  make_run(folder / "run", {}, example_config({"lorae-8"}));
  {
    const auto held = runs::RunDirectory::open(folder / "run");
    EXPECT_EQ(run_status(folder / "run").state, RunState::kRunning);
  }
  EXPECT_EQ(run_status(folder / "run").state, RunState::kStopped);
}

TEST(RunStatus, KeepsDamageBesideTheRunAndListsTheOthers) {
  const TemporaryFolder folder;
  make_run(folder / "runs/good", {}, example_config({"lorae-8"}));
  make_run(folder / "runs/bad", {}, example_config({"lorae-8"}));
  write_file_atomic(folder / "runs/bad/journal.db", std::string_view("no database"));
  write_file_atomic(folder / "runs/note.txt", std::string_view("no run"));

  const auto all = run_statuses(folder / "runs");

  ASSERT_EQ(all.size(), 2U);
  for (const RunStatus& status : all) {
    const bool bad = status.folder.filename() == "bad";
    EXPECT_EQ(status.state, bad ? RunState::kDamaged : RunState::kStopped);
    EXPECT_EQ(status.damage.has_value(), bad);
  }
  EXPECT_TRUE(run_statuses(folder / "absent").empty());
  EXPECT_THROW(run_status(folder / "absent"), Error);
}

TEST(RunStatus, IsOneJsonObject) {
  const TemporaryFolder folder;
  make_run(folder / "run", {.rounds = 2, .has_open_round = true}, example_config({"lorae-8"}));

  const std::string text = to_json(run_status(folder / "run"));

  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("state"), "stopped");
  EXPECT_EQ(json.at("rounds"), 2);
  EXPECT_EQ(json.at("last").at("round"), 2);
  EXPECT_EQ(json.at("open").at("cohort").size(), 3U);
  EXPECT_TRUE(json.at("open").at("missing").empty());
  EXPECT_GT(json.at("metrics").at("top1").get<double>(), 0);
  EXPECT_TRUE(json.at("damage").is_null());
  EXPECT_TRUE(json.at("uplink_bytes").is_number_integer());
  EXPECT_TRUE(nlohmann::json::parse(to_json(RunStatus{})).at("open").is_null());
}

}  // namespace
}  // namespace lorae::report
