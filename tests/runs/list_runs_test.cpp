#include "runs/list_runs.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/atomic_file.h"
#include "runs/run_directory.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "rounds = 3\n";

class ListRuns : public testing::Test {
 protected:
  /// A run made `age` hours ago.
  fs::path make(const std::string& name, int age, std::string_view config = kConfig) {
    const RunDirectory run = RunDirectory::create(folder_ / name, config);
    Journal(run.journal_path(), Journal::Mode::kContinue)
        .set_meta(kCreatedKey, std::to_string(1'700'000'000'000'000 - age * 3'600'000'000LL));
    return run.path();
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const FoundRun& run : list_runs(folder_.path())) {
      names.push_back(run.path.filename().string());
    }
    return names;
  }

  TemporaryFolder folder_;
};

TEST_F(ListRuns, GivesTheNewestFirst) {
  make("b", 2);
  make("a", 3);
  make("c", 1);
  make("d", 1);
  // A copy has new times; the journal knows better.
  fs::last_write_time(folder_ / "a" / "config.toml", fs::file_time_type::clock::now());

  EXPECT_EQ(names(), (std::vector<std::string>{"d", "c", "b", "a"}));
}

TEST_F(ListRuns, GoesByTheConfigWhereTheJournalDoesNotSay) {
  make("old", 100);
  const fs::path damaged = make("damaged", 200);
  fs::remove(damaged / "journal.db");
  const fs::path odd = make("odd", 300);
  Journal(odd / "journal.db", Journal::Mode::kContinue).set_meta(kCreatedKey, "yesterday");
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(odd / "config.toml", now - std::chrono::hours(1));

  EXPECT_EQ(names(), (std::vector<std::string>{"damaged", "odd", "old"}));
}

TEST_F(ListRuns, ARunWithoutItsConfigIsDamagedAndNotAbsent) {
  const fs::path run = make("run", 1);
  Journal(run / "journal.db", Journal::Mode::kContinue).open_round(RoundId{1}, {});
  fs::remove(run / "config.toml");

  const auto found = look_into(run);

  ASSERT_TRUE(found.has_value());
  ASSERT_TRUE(found->damage.has_value());
  EXPECT_EQ(found->damage->code(), ErrorCode::kCorruptData);
  EXPECT_EQ(names(), (std::vector<std::string>{"run"}));
}

TEST_F(ListRuns, WhatACrashLeavesBeforeTheFirstRoundIsNoRun) {
  fs::remove(make("run", 1) / "config.toml");
  fs::create_directories(folder_ / "empty");
  write_file_atomic(folder_ / "empty" / "journal.db", "");

  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(ListRuns, TellsHowFarTheyCame) {
  const fs::path run = make("run", 1, "rounds = 4\n");
  Journal journal(run / "journal.db", Journal::Mode::kContinue);
  journal.open_round(RoundId{1}, {});
  journal.commit_round(RoundId{1}, {}, 1);
  journal.open_round(RoundId{2}, {});

  const auto found = look_into(run);

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->path, run);
  EXPECT_EQ(found->config_text, "rounds = 4\n");
  EXPECT_EQ(found->last_committed, RoundId{1});
  EXPECT_FALSE(found->finished);
  EXPECT_FALSE(found->damage.has_value());
  journal.set_meta(kStateKey, kStateFinished);
  EXPECT_TRUE(look_into(run)->finished);
  journal.set_meta(kStateKey, kStateRunning);
  EXPECT_FALSE(look_into(run)->finished);
}

TEST_F(ListRuns, CountsARunThatIsInUse) {
  const RunDirectory run = RunDirectory::create(folder_ / "run", kConfig);
  Journal journal(run.journal_path(), Journal::Mode::kContinue);
  const Transaction group = journal.begin();

  const std::vector<FoundRun> runs = list_runs(folder_.path());

  ASSERT_EQ(runs.size(), 1U);
  EXPECT_FALSE(runs[0].damage.has_value());
}

TEST_F(ListRuns, LeavesOutWhatIsNoRun) {
  fs::create_directories(folder_ / "empty");
  fs::create_directories(folder_ / "crashed");
  { const Journal journal(folder_ / "crashed" / "journal.db", Journal::Mode::kNew); }
  write_file_atomic(folder_ / "crashed" / "config.toml.tmp4711", "rou");
  write_file_atomic(folder_ / "file", "text");

  EXPECT_TRUE(list_runs(folder_.path()).empty());
  EXPECT_TRUE(list_runs(folder_ / "missing").empty());
  EXPECT_ERROR(list_runs(folder_ / "file"), ErrorCode::kUnavailable, "cannot list");
}

TEST_F(ListRuns, ReportsAConfigThatCannotBeRead) {
  const fs::path config = make("run", 1) / "config.toml";
  fs::remove(config);
  fs::create_directory(config);
  EXPECT_NE(list_runs(folder_.path()).at(0).damage, std::nullopt);

  fs::remove(config);
  fs::create_symlink("nowhere", config);
  EXPECT_NE(list_runs(folder_.path()).at(0).damage, std::nullopt);
}

TEST_F(ListRuns, ReportsAConfigThatIsNotTheFirstOne) {
  const fs::path config = make("run", 1) / "config.toml";
  for (const std::string_view text : {"", "rounds", "rounds = 4\n"}) {
    write_file_atomic(config, text);

    const auto found = look_into(folder_ / "run");

    ASSERT_TRUE(found->damage.has_value()) << text;
    EXPECT_EQ(found->damage->code(), ErrorCode::kCorruptData);
    EXPECT_NE(std::string(found->damage->what()).find("is not the one that this run was made with"),
              std::string::npos);
    EXPECT_EQ(found->config_text, text);
  }
  write_file_atomic(config, kConfig);
  EXPECT_FALSE(look_into(folder_ / "run")->damage.has_value());
}

}  // namespace
}  // namespace lorae::runs
