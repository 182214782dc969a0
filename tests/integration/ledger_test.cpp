// The ledger against reality: what it says was sent is what a TCP relay between clients and
// coordinator sees.
#include <gtest/gtest.h>

#include "runs/journal.h"
#include "tests/integration/deployment.h"
#include "tests/integration/tcp_relay.h"

namespace lorae::test {
namespace {

constexpr int kRounds = 5;

TEST(Ledger, SaysWhatCrossesTheWire) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), kRounds);
  const TcpRelay relay(deployment.port());
  deployment.start_coordinator();
  // A listening port first: a refused dial would count a connection without a handshake.
  ASSERT_TRUE(deployment.coordinator().wait_for("run.start", std::chrono::seconds(120)));
  for (int i = 0; i < kClients; ++i) {
    deployment.start_client(i, relay.port());
  }

  ASSERT_NE(deployment.digest(), "") << deployment.coordinator_errors();
  deployment.client_statuses();

  const runs::Journal journal(deployment.run_directory() / "journal.db",
                              runs::Journal::Mode::kRead);
  const auto total = [&](runs::Direction direction, const char* stage) {
    return static_cast<double>(journal.total_bytes(direction, stage));
  };
  using enum runs::Direction;
  const double up = total(kUplink, runs::kStageFramed), down = total(kDownlink, runs::kStageFramed);
  const double expected_up = total(kUplink, runs::kStageSent);
  const double expected_down = total(kDownlink, runs::kStageSent);
  const auto real_up = static_cast<double>(relay.bytes_to_target());
  const auto real_down = static_cast<double>(relay.bytes_from_target());
  RecordProperty("uplink_relay_over_ledger", std::to_string(real_up / expected_up));
  RecordProperty("downlink_relay_over_ledger", std::to_string(real_down / expected_down));
  std::printf("uplink: ledger %.0f + overhead %.0f = %.0f, relay %.0f (%+.3f %%)\n", up,
              expected_up - up, expected_up, real_up, 100 * (real_up / expected_up - 1));
  std::printf("downlink: ledger %.0f + overhead %.0f = %.0f, relay %.0f (%+.3f %%)\n", down,
              expected_down - down, expected_down, real_down,
              100 * (real_down / expected_down - 1));
  EXPECT_NEAR(real_up / expected_up, 1.0, 0.01);
  EXPECT_NEAR(real_down / expected_down, 1.0, 0.01);

  const Finished reported = run({"lorae", "report", deployment.run_directory().string()});
  EXPECT_EQ(reported.status, 0) << reported.errors;
  EXPECT_TRUE(std::filesystem::exists(deployment.run_directory() / "report.html"));
}

}  // namespace
}  // namespace lorae::test
