// One truth: the same configuration, seed and client names end with the same model, however the
// run is carried out and whatever crashes on the way.
#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "runs/journal.h"
#include "tests/integration/deployment.h"
#include "tests/integration/pictures.h"

namespace lorae::test {
namespace {

constexpr int kRounds = 12;

class Truth : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_fashion_mnist()) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
  }

  /// The digest of an undisturbed simulation. `more`: text behind the configuration.
  static std::string simulated(const std::string& more = {}) {
    static std::map<std::string, std::string> digests;
    std::string& digest = digests[more];
    if (digest.empty()) {
      const TemporaryFolder folder;
      const auto config = write_small_config(folder.path(), kRounds, more);
      const Finished done =
          run({"lorae-simulate", config.string(), "--home", (folder.path() / "home").string(),
               "--out", (folder.path() / "out").string()});
      EXPECT_EQ(done.status, 0) << done.errors;
      const runs::Journal journal(folder.path() / "out/runs/lorae-r8-seed7/journal.db",
                                  runs::Journal::Mode::kRead);
      digest = journal.rounds().back().digest;
    }
    return digest;
  }

  /// Kills the coordinator `kills` times and, every second time, a client, at moments that are the
  /// same every time; says which.
  static std::string disturb(Deployment& deployment, int kills) {
    std::mt19937 random(20261128);
    std::string moments;
    for (int kill = 1; kill <= kills; ++kill) {
      // Somewhere between the first instant of a start and well into a round; sooner on a machine
      // so fast that the run would end before the last kill.
      const std::chrono::milliseconds moment(random() % 1500);
      wait_for_round(deployment, kill, moment);
      deployment.kill_coordinator();
      moments += " " + std::to_string(moment.count());
      if (kill % 2 == 0) {
        const int victim = static_cast<int>(random() % kClients);
        deployment.kill_client(victim);
        deployment.start_client(victim);
      }
      deployment.start_coordinator();
    }
    return moments;
  }

  /// Waits until a coordinator has reported `round` or a later one, at most `patience`.
  static void wait_for_round(const Deployment& deployment,
                             int round,
                             std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      const std::string reported = json_value(deployment.coordinator_output(), "round");
      if (!reported.empty() && std::stoi(reported) >= round) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  /// Each update of each round counted once, and each layer's bytes with it.
  static void expect_counted_once(Deployment& deployment) {
    const runs::Journal journal(deployment.run_directory() / "journal.db",
                                runs::Journal::Mode::kRead);
    const auto rounds = journal.rounds();
    ASSERT_EQ(rounds.size(), static_cast<std::size_t>(kRounds));
    for (const runs::RoundRecord& round : rounds) {
      EXPECT_TRUE(round.committed);
      EXPECT_EQ(round.num_updates, kCohort) << "round " << round.round;
      EXPECT_EQ(round.cohort.size(), static_cast<std::size_t>(kCohort));
    }
    constexpr std::int64_t kTrainable = 32850;  // extractors, mappers and head of resnet8 at r = 8
    EXPECT_EQ(journal.total_bytes(runs::Direction::kUplink, "raw"),
              kTrainable * 4 * kRounds * kCohort);
  }
};

TEST_F(Truth, SimulationAndDeploymentEndWithTheSameModel) {
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds);

  deployment.start_coordinator();
  deployment.start_clients();

  EXPECT_EQ(deployment.digest(), simulated()) << deployment.coordinator_errors();
  EXPECT_EQ(deployment.client_statuses(), std::vector<int>(kClients, 0));
  expect_counted_once(deployment);

  // Each device has the result, whether or not it was in the last round, and can use it by itself.
  const auto pictures = folder.path() / "pictures";
  write_pictures(pictures, {{"shoe", kSneaker}}, 2);
  const std::string at_home = run({"lorae", "predict", pictures.string(), "--run",
                                   deployment.run_directory().string(), "--json"})
                                  .output;
  for (int i = 0; i < kClients; ++i) {
    const auto kept = deployment.home() / "models" / client_name(i);
    EXPECT_EQ(run({"lorae", "digest", (kept / "adapter.safetensors").string()}).output,
              simulated() + "\n");
    const Finished said =
        run({"lorae", "predict", pictures.string(), "--run", kept.string(), "--json"});
    EXPECT_EQ(said.status, 0) << said.errors;
    EXPECT_EQ(said.output, at_home);
    EXPECT_NE(said.output.find("\"classes\""), std::string::npos);
  }
}

TEST_F(Truth, TheOrderOfArrivalDoesNotMatter) {
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds);

  deployment.start_clients({3, 1});
  deployment.start_coordinator();
  ASSERT_TRUE(deployment.coordinator().wait_for("2 of 4 clients", std::chrono::seconds(60)))
      << deployment.coordinator_errors();
  deployment.start_clients({2, 0});

  EXPECT_EQ(deployment.digest(), simulated()) << deployment.coordinator_errors();
  EXPECT_EQ(deployment.client_statuses(), std::vector<int>(kClients, 0));
}

TEST_F(Truth, OperatingKeysThatChangeInMidRunChangeNothing) {
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds);
  deployment.start_coordinator();
  deployment.start_clients();
  wait_for_round(deployment, 3, std::chrono::seconds(120));
  deployment.kill_coordinator();

  deployment.start_coordinator({"--set", "federation.report_deadline=60", "--set",
                                "federation.heartbeat=0.5", "--set", "federation.min_fraction=1.0",
                                "--set", "federation.max_examples=5000"});

  EXPECT_EQ(deployment.digest(), simulated()) << deployment.coordinator_errors();
  const std::string errors = deployment.coordinator_errors();
  EXPECT_NE(errors.find("config.changed federation.report_deadline 600.0 -> 60.0"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("resumed_after_round="), std::string::npos) << errors;
  expect_counted_once(deployment);
}

TEST_F(Truth, KillsOfCoordinatorAndClientsChangeNothing) {
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds);
  deployment.start_coordinator();
  deployment.start_clients();
  ASSERT_TRUE(deployment.coordinator().wait_for("run.start", std::chrono::seconds(120)));

  const std::string moments = disturb(deployment, 10);

  EXPECT_EQ(deployment.digest(), simulated()) << "killed after ms:" << moments << "\n"
                                              << deployment.coordinator_errors();
  expect_counted_once(deployment);
}

// Norms that stay on devices, and what coarse updates lose, are a state of each client's own, which
// goes from round to round; the global state is on a lattice, and travels as differences. The first
// round is one of class sums.
const std::string kOwnStates =
    "[[methods]]\nname = \"lorae-r8\"\nnorm = \"local\"\nfeedback = true\n"
    "head_start = \"class_means\"\n"
    "uplink = \"delta,rms_step:1.0,range\"\nlattice = 1.0\n";

TEST_F(Truth, KillsLoseNothingOfWhatClientsKeepOfTheirOwn) {
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds, kOwnStates);
  deployment.start_coordinator();
  deployment.start_clients();
  ASSERT_TRUE(deployment.coordinator().wait_for("run.start", std::chrono::seconds(120)));

  const std::string moments = disturb(deployment, 6);

  EXPECT_EQ(deployment.digest(), simulated(kOwnStates)) << "killed after ms:" << moments << "\n"
                                                        << deployment.coordinator_errors();
  expect_counted_once(deployment);
  EXPECT_NE(simulated(kOwnStates), simulated());
  deployment.client_statuses();
  // A device predicts with the norms that it keeps: files differ, and each is whole.
  std::set<std::string> digests;
  for (int i = 0; i < kClients; ++i) {
    const auto kept = deployment.home() / "models" / client_name(i);
    const Finished digest = run({"lorae", "digest", (kept / "adapter.safetensors").string()});
    EXPECT_EQ(digest.status, 0) << digest.errors;
    digests.insert(digest.output);
  }
  EXPECT_EQ(digests.size(), static_cast<std::size_t>(kClients));
}

TEST_F(Truth, DevicesOfDifferentRanksAreTheSameInASimulation) {
  const std::string method =
      "[[methods]]\nname = \"lorae-r8\"\naggregation = \"rank_mean\"\n"
      "uplink = \"delta,rms_step:1.0,range\"\nlattice = 1.0\n";
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds, method);
  deployment.set_client_flags(0, {"--set", "rank_max=1"});
  deployment.set_client_flags(2, {"--set", "rank_max=4"});
  deployment.start_coordinator();
  deployment.start_clients();
  wait_for_round(deployment, 3, std::chrono::seconds(120));
  deployment.kill_coordinator();
  deployment.start_coordinator();
  const std::string digest = deployment.digest();
  ASSERT_NE(digest, "") << deployment.coordinator_errors();

  const auto config = write_small_config(folder.path(), kRounds, method);
  const auto out = folder.path() / "out";
  const Finished done =
      run({"lorae-simulate", config.string(), "--home", (folder.path() / "home").string(), "--out",
           out.string(), "--set", "simulation.rank_max=[1,0,4,0]"});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(runs::Journal(out / "runs/lorae-r8-seed7/journal.db", runs::Journal::Mode::kRead)
                .rounds()
                .back()
                .digest,
            digest);
  EXPECT_NE(digest, simulated(method)) << "all of rank 8";
}

/// A device that lost its disk begins anew; so does the simulator's, told of the same loss.
TEST_F(Truth, ALostDiskIsTheSameInASimulation) {
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds, kOwnStates);
  deployment.start_coordinator();
  deployment.start_clients();
  wait_for_round(deployment, 4, std::chrono::seconds(120));
  deployment.kill_coordinator();
  for (int i = 0; i < kClients; ++i) {
    deployment.kill_client(i);
  }
  const ClientId victim{client_name(1)};
  const auto file = deployment.run_directory() / "journal.db";
  std::optional<RoundId> sent;  // its update of the open round, if that is with the coordinator
  {
    const runs::Journal journal(file, runs::Journal::Mode::kRead);
    const auto open = journal.open_round();
    if (open && std::ranges::count(journal.reported(open->round), victim) > 0) {
      sent = open->round;
    }
    ASSERT_GE(journal.last_committed(), RoundId{4});
    ASSERT_LT(journal.last_committed(), RoundId{kRounds - 3});
  }
  ASSERT_GT(std::filesystem::remove_all(deployment.home() / "clients" / (victim.name + ".state")),
            0U);
  const RoundId committed = runs::Journal(file, runs::Journal::Mode::kRead).last_committed();
  deployment.start_coordinator();
  deployment.start_clients();
  const std::string digest = deployment.digest();
  ASSERT_NE(digest, "") << deployment.coordinator_errors();

  // The first round that it trained in after the loss.
  RoundId lost;
  for (const runs::RoundRecord& round : runs::Journal(file, runs::Journal::Mode::kRead).rounds()) {
    const bool trains = round.round > committed && round.round != sent.value_or(RoundId{0}) &&
                        std::ranges::count(round.cohort, victim) > 0;
    if (trains && lost == RoundId{0}) {
      lost = round.round;
    }
  }
  ASSERT_GT(lost, RoundId{0});
  const auto config = write_small_config(folder.path(), kRounds, kOwnStates);
  const Finished done =
      run({"lorae-simulate", config.string(), "--home", (folder.path() / "home").string(), "--out",
           (folder.path() / "out").string(), "--set",
           "simulation.lose=[\"" + victim.name + "@" + std::to_string(lost.value) + "\"]"});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(runs::Journal(folder.path() / "out/runs/lorae-r8-seed7/journal.db",
                          runs::Journal::Mode::kRead)
                .rounds()
                .back()
                .digest,
            digest);
  EXPECT_NE(digest, simulated(kOwnStates)) << "the loss has to matter";
}

TEST_F(Truth, AKilledSimulationGoesOnWithWhatItsClientsKeepOfTheirOwn) {
  const TemporaryFolder folder;
  const auto config = write_small_config(folder.path(), kRounds, kOwnStates);
  const std::vector<std::string> command{"lorae-simulate", config.string(),
                                         "--home",         (folder.path() / "home").string(),
                                         "--out",          (folder.path() / "out").string()};
  const auto journal = folder.path() / "out/runs/lorae-r8-seed7/journal.db";
  {
    Process process({.arguments = command, .output = folder.path() / "killed.out"});
    for (int i = 0; i < 2400 && !process.wait(std::chrono::milliseconds(25)); ++i) {
      try {
        if (runs::Journal(journal, runs::Journal::Mode::kRead).last_committed() >= RoundId{4}) {
          break;
        }
      } catch (const Error&) {
        continue;  // not there yet
      }
    }
    process.kill(SIGKILL);
    process.wait(std::chrono::seconds(10));
  }
  ASSERT_GE(runs::Journal(journal, runs::Journal::Mode::kRead).last_committed(), RoundId{4});
  std::vector<std::string> again = command;
  again.emplace_back("--resume");

  const Finished done = run(again);

  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(runs::Journal(journal, runs::Journal::Mode::kRead).rounds().back().digest,
            simulated(kOwnStates));
}

}  // namespace
}  // namespace lorae::test
