#include "coordinator/federation_options.h"

#include <gtest/gtest.h>

#include "coordinator/traffic.h"
#include "tests/base/support.h"
#include "transport/overhead.h"

namespace lorae::coordinator {
namespace {

FederationOptions read(const std::string& toml) {
  ConfigReader reader = ConfigReader::parse(toml, "run.toml");
  FederationOptions options;
  reader.read("federation", options);
  reader.finish();
  validate(options, reader);
  return options;
}

std::string complaint(const std::string& line) {
  return config_error([&] { read("[federation]\n" + line); });
}

TEST(FederationOptions, AreReadFromTheirTable) {
  const auto options = read("[federation]\nrounds = 3\nclients = 8\ncohort = 4\nheartbeat = 0.5");

  EXPECT_EQ(options.rounds, 3);
  EXPECT_EQ(options.clients, 8);
  EXPECT_EQ(options.cohort, 4);
  EXPECT_EQ(options.heartbeat, 0.5);
  EXPECT_EQ(options.min_fraction, 0.8);
}

TEST(FederationOptions, HaveDefaultsThatAreValid) {
  EXPECT_NO_THROW(read(""));
}

TEST(FederationOptions, HaveRanges) {
  EXPECT_EQ(complaint("min_fraction = 0"),
            "run.toml:2: federation.min_fraction: expected a number in [0.01, 1], got 0");
  EXPECT_EQ(complaint("heartbeat = 0.01"),
            "run.toml:2: federation.heartbeat: expected a number in [0.1, 3600], got 0.01");
  EXPECT_NE(complaint("rounds = 0"), "not kInvalidConfig: no error");
  EXPECT_NE(complaint("report_deadline = 0.5"), "not kInvalidConfig: no error");
}

TEST(FederationOptions, AskForNoMoreClientsThanThereAre) {
  EXPECT_EQ(complaint("clients = 4\ncohort = 5"),
            "run.toml:3: federation.cohort: expected at most federation.clients (4), got 5");
  EXPECT_EQ(complaint("clients = 4\nmin_clients = 5"),
            "run.toml:3: federation.min_clients: expected at most federation.clients (4), got 5");
  EXPECT_EQ(complaint("clients = 1"),
            "federation.min_clients: expected at most federation.clients (1), got 2");
}

TEST(LearningRateFactor, FallsAlongACosineFromOne) {
  const FederationOptions options{.rounds = 4};

  EXPECT_DOUBLE_EQ(learning_rate_factor(options, RoundId{1}), 1.0);
  EXPECT_NEAR(learning_rate_factor(options, RoundId{2}), 0.8535533905932737,
              1e-15);  // (1 + sqrt(1/2)) / 2
  EXPECT_NEAR(learning_rate_factor(options, RoundId{3}), 0.5, 1e-15);
  EXPECT_NEAR(learning_rate_factor(options, RoundId{4}), 0.1464466094067263, 1e-15);
}

TEST(LearningRateFactor, StaysAboveZeroInEveryRound) {
  const FederationOptions options{.rounds = 100};
  for (RoundId round{1}; round <= RoundId{100}; round = round.next()) {
    EXPECT_GT(learning_rate_factor(options, round), 0.0);
    EXPECT_LE(learning_rate_factor(options, round), 1.0);
  }
}

TEST(Traffic, AddsUpUntilItIsWrittenAndCleared) {
  const TemporaryFolder folder;
  runs::Journal journal(folder / "journal.db", runs::Journal::Mode::kNew);
  const ClientId ada{"ada"};
  journal.open_round(RoundId{1}, {ada});
  Traffic traffic;
  traffic.spoke(ada, transport::ConnectionId{1});
  traffic.count(ada, runs::Direction::kUplink, kLayerUpdate, {.framed = 100, .sent = 135});
  traffic.spoke(ada, transport::ConnectionId{1});
  traffic.count(ada, runs::Direction::kUplink, kLayerUpdate, {.framed = 20, .sent = 55});
  traffic.count(ada, runs::Direction::kDownlink, kLayerModel, {.framed = 3, .sent = 38});

  traffic.write(journal, RoundId{1});
  traffic.clear();
  traffic.write(journal, RoundId{1});

  EXPECT_EQ(journal.total_bytes(runs::Direction::kUplink, kStageFramed), 120);
  EXPECT_EQ(journal.total_bytes(runs::Direction::kDownlink, kStageFramed, kLayerModel), 3);
  EXPECT_EQ(journal.total_bytes(runs::Direction::kUplink, kStageSent, kLayerUpdate), 190);
  EXPECT_EQ(journal.total_bytes(runs::Direction::kUplink, kStageSent, runs::kLayerConnection),
            transport::kHandshakeUp)
      << "one connection";

  traffic.spoke(ada, transport::ConnectionId{7});
  traffic.write(journal, RoundId{1});
  EXPECT_EQ(journal.total_bytes(runs::Direction::kDownlink, kStageSent, runs::kLayerConnection),
            2 * transport::kHandshakeDown);
}

}  // namespace
}  // namespace lorae::coordinator
