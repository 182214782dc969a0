// The ledger against reality: framed bytes plus the transport's overhead by formula are the bytes
// that a TCP relay between clients and coordinator sees.
#include <gtest/gtest.h>

#include "runs/journal.h"
#include "tests/integration/deployment.h"
#include "tests/integration/tcp_relay.h"

namespace lorae::test {
namespace {

constexpr int kRounds = 5;

// ZMTP 3.1 with CURVE. Units: bytes. Each command and each message part is a frame with a header
// of 2 bytes (9 if its body is longer than 255).
constexpr double kGreeting = 64;
constexpr double kShortHeader = 2;
constexpr double kLongHeader = 9;
constexpr double kCurveHello = 200;
constexpr double kCurveWelcome = 168;
constexpr double kCurveInitiate = 257 + 35;  // metadata: Socket-Type, empty Identity
constexpr double kCurveReady = 30 + 35;
constexpr double kPerPart = 33;  // "\x07MESSAGE", nonce, MAC, flags

constexpr double kUpHandshake =
    kGreeting + kShortHeader + kCurveHello + kLongHeader + kCurveInitiate;
constexpr double kDownHandshake =
    kGreeting + kShortHeader + kCurveWelcome + kShortHeader + kCurveReady;

double overhead(double connections, double handshake, double frames, double bodies) {
  return connections * handshake + frames * (kPerPart + kShortHeader) +
         bodies * (kPerPart + kLongHeader);
}

TEST(Ledger, PlusTheTransportsOverheadIsWhatCrossesTheWire) {
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
  const std::string output = deployment.coordinator_output();
  const auto frames_in = std::stod(json_value(output, "frames_in"));
  const auto frames_out = std::stod(json_value(output, "frames_out"));
  constexpr double kBackboneChunks = 5;  // 1.2 MB in chunks of 256 KiB
  const double bodies_up = kRounds * kCohort;
  constexpr double kWelcomeAndLastModel = 2;
  const double bodies_down =
      kClients * (kWelcomeAndLastModel + kBackboneChunks) + kRounds * kCohort;
  const auto connections = static_cast<double>(relay.connections());
  const auto up = static_cast<double>(journal.total_bytes(runs::Direction::kUplink, "framed"));
  const auto down = static_cast<double>(journal.total_bytes(runs::Direction::kDownlink, "framed"));
  const double expected_up = up + overhead(connections, kUpHandshake, frames_in, bodies_up);
  const double expected_down =
      down + overhead(connections, kDownHandshake, frames_out, bodies_down);
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
