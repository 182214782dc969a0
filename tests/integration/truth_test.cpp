// One truth: the same configuration, seed and client names end with the same model, however the
// run is carried out and whatever crashes on the way.
#include <gtest/gtest.h>

#include <random>
#include <thread>

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

  /// The digest of an undisturbed simulation.
  static std::string simulated() {
    static const std::string digest = [] {
      const TemporaryFolder folder;
      const auto config = write_small_config(folder.path(), kRounds);
      const Finished done =
          run({"lorae-simulate", config.string(), "--home", (folder.path() / "home").string(),
               "--out", (folder.path() / "out").string()});
      EXPECT_EQ(done.status, 0) << done.errors;
      const runs::Journal journal(folder.path() / "out/runs/lorae-r8-seed7/journal.db",
                                  runs::Journal::Mode::kRead);
      return journal.rounds().back().digest;
    }();
    return digest;
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
  constexpr int kCoordinatorKills = 10;
  constexpr int kClientKills = 5;
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds);
  std::mt19937 random(20261128);  // the same moments every time
  deployment.start_coordinator();
  deployment.start_clients();
  ASSERT_TRUE(deployment.coordinator().wait_for("run.start", std::chrono::seconds(120)));

  int client_kills = 0;
  int kills = 0;
  std::string moments;
  while (kills < kCoordinatorKills) {
    // Somewhere between the first instant of a start and well into a round; sooner on a machine
    // so fast that the run would end before the last kill.
    const std::chrono::milliseconds moment(random() % 1500);
    wait_for_round(deployment, kills + 1, moment);
    deployment.kill_coordinator();
    moments += " " + std::to_string(moment.count());
    ++kills;
    if (client_kills < kClientKills && kills % 2 == 0) {
      const int victim = static_cast<int>(random() % kClients);
      deployment.kill_client(victim);
      deployment.start_client(victim);
      ++client_kills;
    }
    deployment.start_coordinator();
  }

  EXPECT_EQ(deployment.digest(), simulated()) << "killed after ms:" << moments << "\n"
                                              << deployment.coordinator_errors();
  EXPECT_EQ(kills, kCoordinatorKills);
  EXPECT_EQ(client_kills, kClientKills);
  expect_counted_once(deployment);
}

}  // namespace
}  // namespace lorae::test
