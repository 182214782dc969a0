// A run goes on: after more rounds are wanted, with other operating keys, without a device that is
// gone. And it does not begin anew by itself.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/integration/deployment.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class GoingOn : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_fashion_mnist()) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
  }

  TemporaryFolder folder_;
};

TEST_F(GoingOn, AFinishedRunSaysSoAndMoreRoundsGoOnFromIt) {
  Deployment deployment(folder_.path(), 2);
  deployment.start_coordinator();
  deployment.start_clients();
  const std::string digest = deployment.digest();
  ASSERT_FALSE(digest.empty()) << deployment.coordinator_errors();
  deployment.client_statuses();

  deployment.start_coordinator();
  ASSERT_EQ(deployment.coordinator().wait(seconds(60)), 0);
  EXPECT_NE(deployment.coordinator_errors().find("has had 2 of 2 rounds: nothing to do"),
            std::string::npos)
      << deployment.coordinator_errors();

  deployment.start_coordinator({"--rounds", "3"});
  deployment.start_clients();
  ASSERT_EQ(deployment.coordinator().wait(seconds(120)), 0) << deployment.coordinator_errors();
  const std::string errors = deployment.coordinator_errors();
  EXPECT_NE(errors.find("config.changed federation.rounds 2 -> 3"), std::string::npos) << errors;
  EXPECT_NE(errors.find("resumed_after_round=2"), std::string::npos) << errors;
  EXPECT_EQ(json_value(deployment.coordinator_output(), "rounds"), "3");
  EXPECT_EQ(std::distance(fs::directory_iterator(deployment.home() / "runs"), {}), 1);
}

TEST_F(GoingOn, AnotherConfigurationIsToldWhichRunItFound) {
  Deployment deployment(folder_.path(), 50);
  deployment.start_coordinator();
  deployment.start_clients();
  ASSERT_TRUE(deployment.coordinator().wait_for("\"event\":\"round\"", seconds(120)))
      << deployment.coordinator_errors();
  deployment.kill_coordinator();
  for (int i = 0; i < kClients; ++i) {
    deployment.kill_client(i);
  }

  deployment.start_coordinator({"--set", "training.batch_size=16"});
  EXPECT_EQ(deployment.coordinator().wait(seconds(60)), 78);
  const std::string errors = deployment.coordinator_errors();
  for (const char* part :
       {"stopped after round ", "training.batch_size 32 -> 16", "--run '", "--fresh"}) {
    EXPECT_NE(errors.find(part), std::string::npos) << part << " is not in " << errors;
  }

  const fs::path journal = deployment.run_directory() / "journal.db";
  fs::remove(journal.string() + "-wal");
  fs::resize_file(journal, 0);
  deployment.start_coordinator();
  EXPECT_EQ(deployment.coordinator().wait(seconds(60)), 65);
  EXPECT_NE(deployment.coordinator_errors().find("damaged"), std::string::npos)
      << deployment.coordinator_errors();
  EXPECT_EQ(std::distance(fs::directory_iterator(deployment.home() / "runs"), {}), 1);
}

/// Three devices, all of them in each round, of which one disappears.
class Three : public GoingOn {
 protected:
  static constexpr int kManyRounds = 15;  // still running when the third is gone

  void start() {
    deployment_.emplace(folder_.path(), kManyRounds);
    deployment_->start_coordinator({"--min-clients", "2", "--set", "federation.clients=3", "--set",
                                    "federation.cohort=3", "--set", "federation.heartbeat=0.2",
                                    "--set", "federation.report_deadline=2"});
    deployment_->start_clients({0, 1, 2});
    ASSERT_TRUE(deployment_->coordinator().wait_for("\"round\":1", seconds(120)))
        << deployment_->coordinator_errors();
  }

  void expect_that_the_others_finish() {
    EXPECT_EQ(deployment_->coordinator().wait(seconds(120)), 0)
        << deployment_->coordinator_errors();
    EXPECT_EQ(json_value(deployment_->coordinator_output(), "rounds"), std::to_string(kManyRounds));
    EXPECT_EQ(deployment_->client(0).wait(seconds(30)), 0);
    EXPECT_EQ(deployment_->client(1).wait(seconds(30)), 0);
  }

  std::optional<Deployment> deployment_;
};

TEST_F(Three, OneThatIsKilledDoesNotStopTheOthers) {
  start();
  deployment_->kill_client(2);
  expect_that_the_others_finish();
}

TEST_F(Three, OneThatIsRevokedDoesNotStopTheOthers) {
  start();
  ASSERT_EQ(run({"lorae", "revoke", client_name(2), "--home", deployment_->home().string()}).status,
            0);
  expect_that_the_others_finish();
  EXPECT_NE(deployment_->coordinator_errors().find("client.revoked client=client-03"),
            std::string::npos)
      << deployment_->coordinator_errors();
}

TEST_F(GoingOn, AClientBeyondTheSharesSaysThatItGetsNone) {
  Deployment deployment(folder_.path(), 50);
  deployment.start_coordinator();
  deployment.start_clients();
  ASSERT_TRUE(deployment.coordinator().wait_for("\"event\":\"round\"", seconds(120)))
      << deployment.coordinator_errors();

  const Finished extra =
      run({"lorae-client", "--home", deployment.home().string(), "--name", "extra", "--coordinator",
           "tcp://127.0.0.1:" + std::to_string(deployment.port())});

  EXPECT_EQ(extra.status, 78);
  EXPECT_NE(extra.errors.find("all 4 shares of the run's own images are taken"), std::string::npos)
      << extra.errors;
}

}  // namespace
}  // namespace lorae::test
