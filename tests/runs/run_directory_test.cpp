#include "runs/run_directory.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/error.h"
#include "runs/journal.h"
#include "tests/base/temporary_folder.h"

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
  EXPECT_EQ(run.adapter_path(12), run.path() / "adapter-000012.safetensors");
  EXPECT_EQ(run.server_state_path(1234567), run.path() / "server-1234567.safetensors");
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
  for (RoundId round = 0; round <= 5; ++round) {
    write_file_atomic(run.adapter_path(round), "a");
    write_file_atomic(run.server_state_path(round), "s");
  }
  write_file_atomic(run.path() / "adapter-best.safetensors", "mine");
  write_file_atomic(run.path() / "adapter-000001.safetensors.copy", "mine");

  run.prune(4);

  for (RoundId round = 0; round <= 5; ++round) {
    EXPECT_EQ(fs::exists(run.adapter_path(round)), round >= 2) << round;
    EXPECT_EQ(fs::exists(run.server_state_path(round)), round >= 2) << round;
  }
  EXPECT_TRUE(fs::exists(run.path() / "adapter-best.safetensors"));
  EXPECT_TRUE(fs::exists(run.path() / "adapter-000001.safetensors.copy"));
  run.prune(5, 1);
  EXPECT_FALSE(fs::exists(run.adapter_path(4)));
  EXPECT_TRUE(fs::exists(run.adapter_path(5)));
  EXPECT_THROW(run.prune(5, 0), Error);
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

class FindUnfinished : public testing::Test {
 protected:
  /// A run made `age` hours ago.
  fs::path make(const std::string& name,
                std::string_view config,
                const std::string& state,
                int age) {
    const RunDirectory run = RunDirectory::create(folder_ / name, config);
    Journal journal(run.journal_path());
    if (!state.empty()) {
      journal.set_meta(kStateKey, state);
    }
    fs::last_write_time(run.path() / "config.toml",
                        fs::file_time_type::clock::now() - std::chrono::hours(age));
    return run.path();
  }

  TemporaryFolder folder_;
  std::string digest_ = digest_of(view_of(kConfig)).hex();
};

TEST_F(FindUnfinished, GivesTheNewestRunOfThisConfigThatIsNotOver) {
  make("finished", kConfig, "finished", 1);
  make("other", "rounds = 4\n", "running", 2);
  const fs::path newest = make("newest", kConfig, "running", 3);
  const fs::path older = make("older", kConfig, "", 4);

  EXPECT_EQ(find_unfinished(folder_.path(), digest_), newest);
  Journal(newest / "journal.db").set_meta(kStateKey, kStateFinished);
  EXPECT_EQ(find_unfinished(folder_.path(), digest_), older);
  Journal(older / "journal.db").set_meta(kStateKey, kStateFinished);
  EXPECT_EQ(find_unfinished(folder_.path(), digest_), std::nullopt);
}

TEST_F(FindUnfinished, SkipsWhatItCannotRead) {
  const fs::path damaged = make("damaged", kConfig, "running", 1);
  write_file_atomic(damaged / "journal.db", std::string(5000, 'x'));
  fs::remove(make("bare", kConfig, "running", 1) / "journal.db");
  fs::create_directories(folder_ / "empty");
  fs::create_directories(folder_ / "odd" / "config.toml");
  write_file_atomic(folder_ / "file", "text");

  EXPECT_EQ(find_unfinished(folder_.path(), digest_), std::nullopt);
  EXPECT_EQ(find_unfinished(folder_ / "missing", digest_), std::nullopt);
}

}  // namespace
}  // namespace lorae::runs
