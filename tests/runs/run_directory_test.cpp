#include "runs/run_directory.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/error.h"
#include "runs/journal.h"
#include "tests/base/support.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "rounds = 3\n";

ErrorCode code_of(const Error& error) {
  return error.code();
}

TEST(RunDirectory, HoldsTheEffectiveConfig) {
  const TemporaryFolder folder;
  { RunDirectory::create(folder / "a" / "run", kConfig); }

  const RunDirectory run = RunDirectory::open(folder / "a" / "run");

  EXPECT_EQ(run.path(), folder / "a" / "run");
  EXPECT_EQ(run.config_text(), kConfig);
  EXPECT_EQ(run.journal_path(), run.path() / "journal.db");
  EXPECT_EQ(run.adapter_path(RoundId{12}), run.path() / "adapter-000012.safetensors");
  EXPECT_EQ(run.server_state_path(RoundId{1234567}), run.path() / "server-1234567.safetensors");
}

TEST(RunDirectory, BelongsToOneProcess) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", kConfig);

  try {
    RunDirectory::open(folder / "run");
    FAIL() << "opened twice";
  } catch (const Error& error) {
    EXPECT_EQ(code_of(error), ErrorCode::kUnavailable);
    EXPECT_NE(std::string(error.what()).find("is in use by another process"), std::string::npos);
  }
}

TEST(RunDirectory, IsNotMadeOverAnother) {
  const TemporaryFolder folder;
  { RunDirectory::create(folder / "run", kConfig); }

  try {
    RunDirectory::create(folder / "run", "rounds = 4\n");
    FAIL() << "made twice";
  } catch (const Error& error) {
    EXPECT_EQ(code_of(error), ErrorCode::kInvalidConfig);
    EXPECT_NE(std::string(error.what()).find("holds a run already"), std::string::npos);
  }
  EXPECT_EQ(RunDirectory::open(folder / "run").config_text(), kConfig);
}

TEST(RunDirectory, IsNotJustAnyFolder) {
  const TemporaryFolder folder;

  EXPECT_THROW(RunDirectory::open(folder.path()), Error);
  EXPECT_FALSE(fs::exists(folder / "LOCK"));
}

TEST(RunDirectory, KeepsTheFilesOfTheLastRounds) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", kConfig);
  for (RoundId round{0}; round <= RoundId{5}; round = round.next()) {
    write_file_atomic(run.adapter_path(round), "a");
    write_file_atomic(run.server_state_path(round), "s");
  }
  write_file_atomic(run.path() / "adapter-best.safetensors", "mine");
  write_file_atomic(run.path() / "adapter-000001.safetensors.copy", "mine");

  run.prune(RoundId{4});

  for (RoundId round{0}; round <= RoundId{5}; round = round.next()) {
    EXPECT_EQ(fs::exists(run.adapter_path(round)), round >= RoundId{2}) << round;
    EXPECT_EQ(fs::exists(run.server_state_path(round)), round >= RoundId{2}) << round;
  }
  EXPECT_TRUE(fs::exists(run.path() / "adapter-best.safetensors"));
  EXPECT_TRUE(fs::exists(run.path() / "adapter-000001.safetensors.copy"));
  run.prune(RoundId{5}, 1);
  EXPECT_FALSE(fs::exists(run.adapter_path(RoundId{4})));
  EXPECT_TRUE(fs::exists(run.adapter_path(RoundId{5})));
  EXPECT_THROW(run.prune(RoundId{5}, 0), Error);
}

TEST(RunDirectory, IsSweptOfHalfWrittenFilesWhenOpened) {
  const TemporaryFolder folder;
  { RunDirectory::create(folder / "run", kConfig); }
  write_file_atomic(folder / "run" / "adapter-000002.safetensors.tmp4711", "half");
  write_file_atomic(folder / "run" / "notes.tmp", "mine");

  const RunDirectory run = RunDirectory::open(folder / "run");

  EXPECT_FALSE(fs::exists(run.path() / "adapter-000002.safetensors.tmp4711"));
  EXPECT_TRUE(fs::exists(run.path() / "notes.tmp"));
}

TEST(RunDirectory, HasASoundJournalFromTheStart) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", kConfig);

  const Journal journal(run.journal_path(), Journal::Mode::kContinue);

  EXPECT_TRUE(journal.rounds().empty());
  EXPECT_EQ(journal.meta(kStateKey), kStateRunning);
  EXPECT_EQ(journal.meta(kConfigKey), digest_of(view_of(kConfig)).hex());
}

TEST(RunDirectory, IsMadeAgainAfterACrashInTheMiddle) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "run");
  { const Journal journal(folder / "run" / "journal.db", Journal::Mode::kNew); }
  write_file_atomic(folder / "run" / "config.toml.tmp4711", "rou");

  const RunDirectory run = RunDirectory::create(folder / "run", kConfig);

  EXPECT_EQ(run.config_text(), kConfig);
  EXPECT_NO_THROW(Journal(run.journal_path(), Journal::Mode::kContinue));
}

TEST(RunDirectory, IsNotMadeOverTheRoundsOfARunThatLostItsConfig) {
  const TemporaryFolder folder;
  {
    const RunDirectory run = RunDirectory::create(folder / "run", kConfig);
    Journal(run.journal_path(), Journal::Mode::kContinue).open_round(RoundId{1}, {});
  }
  fs::remove(folder / "run" / "config.toml");
  const auto create = [&] { RunDirectory::create(folder / "run", kConfig); };

  EXPECT_NE(config_error(create).find("holds a journal.db but no config.toml"), std::string::npos);
  write_file_atomic(folder / "run" / "journal.db", std::string(5000, 'x'));
  EXPECT_NE(config_error(create).find("holds a journal.db but no config.toml"), std::string::npos);
  EXPECT_EQ(fs::file_size(folder / "run" / "journal.db"), 5000U);
}

}  // namespace
}  // namespace lorae::runs
