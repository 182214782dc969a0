#include "experiment/run_choice.h"

#include <fstream>

#include "base/atomic_file.h"
#include "runs/journal.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;
using lorae::testing::expect_error;

RunConfig config(const std::string& toml = "") {
  ConfigReader reader = ConfigReader::parse(toml, "test");
  return read_run_config(reader);
}

class RunChoices : public ::testing::Test {
 protected:
  /// A run that has had `rounds` rounds.
  fs::path make_run(const std::string& name,
                    const RunConfig& config,
                    std::uint64_t rounds,
                    bool over) {
    const fs::path path = folder_ / name;
    const auto directory = runs::RunDirectory::create(path, print_run_config(config));
    runs::Journal journal(directory.journal_path(), runs::Journal::Mode::kContinue);
    for (RoundId round{1}; round <= RoundId{rounds}; round = round.next()) {
      journal.open_round(round, {{"ada"}});
      journal.commit_round(round, {}, 1.0);
    }
    if (over) {
      journal.set_meta(runs::kStateKey, runs::kStateFinished);
    }
    return path;
  }

  RunChoice choose(const RunConfig& config, bool fresh = false) const {
    return choose_run(folder_.path(), config, fresh);
  }

  TemporaryFolder folder_;
};

TEST_F(RunChoices, WithoutRunsItIsANewOne) {
  const RunChoice choice = choose(config());
  EXPECT_TRUE(choice.is_new);
  EXPECT_EQ(choice.path.parent_path(), folder_.path());
  EXPECT_FALSE(fs::exists(choice.path));
}

TEST_F(RunChoices, TheSameConfigurationGoesOn) {
  const fs::path path = make_run("first", config(), 3, false);
  const RunChoice choice = choose(config());
  EXPECT_FALSE(choice.is_new);
  EXPECT_EQ(choice.path, path);
  EXPECT_EQ(choice.committed, RoundId{3});
  EXPECT_TRUE(choice.changed.empty());
}

TEST_F(RunChoices, HowARunIsOperatedMayChangeAndIsTold) {
  make_run("first", config("# a comment\n[federation]\nreport_deadline = 600\n"), 3, false);
  const RunChoice choice = choose(config(
      "[federation]\nreport_deadline = 8\nmin_clients = 1\nheartbeat = 2\nmin_fraction = 0.5\n"
      "max_examples = 7\n[network]\nbind = \"tcp://127.0.0.1:1\"\n[simulation]\nthreads = 1\n"));
  EXPECT_FALSE(choice.is_new);
  std::vector<std::string> keys;
  for (const ConfigDifference& one : choice.changed) {
    keys.push_back(one.key);
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"federation.heartbeat", "federation.max_examples",
                                            "federation.min_clients", "federation.min_fraction",
                                            "federation.report_deadline", "network.bind",
                                            "simulation.threads"}));
  EXPECT_NE(text_of(choice.changed).find("federation.report_deadline 600.0 -> 8.0"),
            std::string::npos)
      << text_of(choice.changed);
}

/// Each section that a plan is made of.
TEST_F(RunChoices, AnotherValueInAnySectionMakesAnotherRun) {
  for (const char* change :
       {"[model]\npool = 4\n", "[data]\nmin_images = 11\n", "[pretraining]\nepochs = 7\n",
        "[training]\nbatch_size = 7\n", "[augment]\nflip = 0.25\n", "[federation]\nclients = 19\n",
        "[[methods]]\nrank = 7\n", "seed = 7\n"}) {
    EXPECT_EQ(identity_differences(config(), config(change)).size(), 1U) << change;
  }
}

TEST_F(RunChoices, WhatVirtualClientsLackMakesAnotherRun) {
  RunConfig before, now;
  before.methods = now.methods = {MethodConfig{}};
  now.simulation.threads = 3;
  EXPECT_TRUE(identity_differences(before, now).empty());
  now.simulation.rank_max = {2, 0};
  now.simulation.lose = {"client-01@3"};
  EXPECT_EQ(identity_differences(before, now).size(), 2U);
}

TEST_F(RunChoices, MoreRoundsGoOnFromAFinishedRun) {
  make_run("first", config("[federation]\nrounds = 30\n"), 30, true);
  const RunChoice choice = choose(config("[federation]\nrounds = 31\n"));
  EXPECT_FALSE(choice.is_new);
  EXPECT_EQ(choice.committed, RoundId{30});
}

TEST_F(RunChoices, AnotherConfigurationBesideAnUnfinishedRunIsRefusedWithTheKey) {
  make_run("first", config(), 3, false);
  for (const char* toml :
       {"seed = 1\n", "[training]\nbatch_size = 16\n", "[model]\nname = \"resnet18\"\n",
        "[data]\nprivate_images = 100\n", "[pretraining]\nepochs = 1\n",
        "[server]\nname = \"adam\"\n", "[[methods]]\nrank = 2\n", "[federation]\nclients = 5\n",
        "[[methods]]\naggregation = \"factor_median\"\n"}) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { choose(config(toml)); }, "stopped after round 3 of 20");
  }
  expect_error(
      ErrorCode::kInvalidConfig, [&] { choose(config("[training]\nbatch_size = 16\n")); },
      "training.batch_size 32 -> 16; go on with that run by --run");
}

/// Such as of a command with a mistake that was found after the run's folder was made.
TEST_F(RunChoices, ARunWithoutARoundDoesNotStandInTheWayOfAnother) {
  const fs::path path = make_run("first", config(), 0, false);
  EXPECT_TRUE(choose(config("seed = 1\n")).is_new);
  EXPECT_EQ(choose(config()).path, path) << "of its own configuration it goes on";
}

TEST_F(RunChoices, AnotherConfigurationBesideAFinishedRunIsANewRun) {
  make_run("first", config(), 20, true);
  EXPECT_TRUE(choose(config("seed = 1\n")).is_new);
}

TEST_F(RunChoices, FreshIsANewRunWhateverThereIs) {
  make_run("first", config(), 3, false);
  EXPECT_TRUE(choose(config(), /*fresh=*/true).is_new);
}

TEST_F(RunChoices, OfTwoWithOneConfigurationTheNewestGoesOn) {
  make_run("a", config(), 3, false);
  const fs::path newest = make_run("b", config(), 1, false);
  EXPECT_EQ(choose(config()).path, newest);
}

TEST_F(RunChoices, DamageIsToldNeverTakenForAbsence) {
  const fs::path path = make_run("first", config(), 3, false);
  const fs::path journal = runs::RunDirectory::journal_of(path);
  const Bytes sound = read_file(journal);
  const auto expect_told = [&](const std::string& what) {
    try {
      choose(config());
      ADD_FAILURE() << what << " was not noticed";
    } catch (const Error& error) {
      EXPECT_EQ(exit_status(error.code()), 65) << what << ": " << error.what();
      EXPECT_NE(std::string(error.what()).find("--fresh"), std::string::npos) << error.what();
    }
  };
  const auto write = [&](Bytes bytes) { write_file_atomic(journal, ByteView(bytes)); };

  write({});
  expect_told("an empty journal");
  Bytes head = sound;
  std::fill_n(head.begin(), 100, std::byte{0x55});
  write(head);
  expect_told("a journal overwritten at its head");
  write(Bytes(sound.begin(), sound.begin() + std::ssize(sound) / 2));
  expect_told("a journal cut in its middle");
  write(Bytes(sound.begin(), sound.end() - 1));
  expect_told("a journal cut at its tail");
  fs::remove(journal);
  expect_told("a journal that is not there");
  write(sound);
  EXPECT_FALSE(choose(config()).is_new);
  EXPECT_TRUE((fs::remove(journal), choose(config(), /*fresh=*/true).is_new));
}

TEST_F(RunChoices, ARunOfAnEarlierFormatIsRefusedWithAWayOut) {
  const fs::path path = make_run("first", config(), 3, false);
  const fs::path journal = runs::RunDirectory::journal_of(path);
  Bytes bytes = read_file(journal);
  bytes.at(63) = std::byte{1};  // SQLite's user_version, big-endian: the format
  write_file_atomic(journal, ByteView(bytes));
  expect_error(
      ErrorCode::kIncompatible, [&] { choose(config()); }, "--fresh");
}

TEST_F(RunChoices, DamageOfAnotherRunIsPassedByAndTold) {
  const fs::path path = make_run("first", config("seed = 9\n"), 3, false);
  fs::resize_file(runs::RunDirectory::journal_of(path), 0);
  const RunChoice choice = choose(config());
  EXPECT_TRUE(choice.is_new);
  ASSERT_EQ(choice.passed_by.size(), 1U);
  EXPECT_NE(choice.passed_by.front().find("first"), std::string::npos);
}

TEST_F(RunChoices, ARunWhoseConfigurationCannotBeReadStopsTheChoice) {
  const fs::path path = make_run("first", config(), 3, false);
  write_file_atomic(path / "config.toml", "seed = = 1\n");
  expect_error(
      ErrorCode::kCorruptData, [&] { choose(config()); }, "config.toml:1: ");
}

/// Such as one of an earlier build, which refused less.
TEST_F(RunChoices, AFinishedRunWhoseConfigurationIsRefusedIsPassedBy) {
  const fs::path path = make_run("first", config(), 20, true);
  write_file_atomic(path / "config.toml",
                    "[[methods]]\nname = \"a\"\nweighting = \"fednova\"\naggregation = "
                    "\"factor_median\"\n");
  const RunChoice choice = choose(config());
  EXPECT_TRUE(choice.is_new);
  ASSERT_EQ(choice.passed_by.size(), 1U);
  EXPECT_NE(choice.passed_by[0].find("is for plain means"), std::string::npos);
}

TEST_F(RunChoices, ThisRunGoesOnOrSaysWhatDiffers) {
  const fs::path path = make_run("first", config("seed = 9\n"), 3, false);
  EXPECT_EQ(choose_this_run(path, config("seed = 9\n")).committed, RoundId{3});
  expect_error(
      ErrorCode::kInvalidConfig, [&] { choose_this_run(path, config()); }, "seed 9 -> 0");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { choose_this_run(folder_ / "none", config()); },
      "is not the folder of a run");
}

}  // namespace
}  // namespace lorae::experiment
