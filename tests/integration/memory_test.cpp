// Resident memory of the programs, with the model of the quickstart.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "tests/integration/deployment.h"
#include "transport/home_keys.h"
#include "transport/zmq_client.h"
#include "wire/messages.h"

namespace lorae::test {
namespace {

// With Debian's LibTorch, which alone maps some 170 MB.
constexpr long kCoordinatorLimitKb = 280 * 1000;
constexpr long kClientLimitKb = 400 * 1000;
constexpr long kUsualTorchKb = 170 * 1000;
constexpr double kPerClientLimitKb = 60;

/// True if this LibTorch takes what Debian's takes. PyPI's maps CUDA libraries and keeps more
/// scratch memory; the limits on whole programs do not hold for it.
bool is_usual_torch() {
  const Finished alone = run({"torch_alone"});
  EXPECT_EQ(alone.status, 0) << alone.errors;
  const long torch_kb = std::stol(alone.output);
  std::printf("LibTorch alone: %ld kB\n", torch_kb);
  return torch_kb < kUsualTorchKb + kUsualTorchKb / 5;
}

/// Real encrypted connections with a real session each, but nothing that trains.
class Crowd {
 public:
  Crowd(const std::filesystem::path& home, int port) : home_(home), port_(port) {}

  /// Until `count` clients have been welcomed. Returns false after a minute.
  bool grow_to(std::size_t count) {
    while (clients_.size() < count) {
      const std::string name = "member-" + std::to_string(clients_.size());
      clients_.push_back(std::make_unique<transport::ZmqClient>(transport::ZmqClientOptions{
          .endpoint = "tcp://127.0.0.1:" + std::to_string(port_),
          .keys = transport::local_client_keys(home_, name),
          .server_public_key = transport::coordinator_keys(home_).public_key,
          .retry_low = std::chrono::milliseconds(50),
          .retry_cap = std::chrono::milliseconds(500)}));
      start(*clients_.back(), clients_.size());
    }
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return welcomed_ >= count; });
  }

 private:
  void start(transport::ZmqClient& client, std::uint64_t nonce) {
    client.start(
        [this](wire::Frame frame) {
          const auto message = wire::unpack(std::move(frame));
          if (message && std::holds_alternative<wire::Welcome>(*message)) {
            const std::lock_guard lock(mutex_);
            ++welcomed_;
            changed_.notify_all();
          }
        },
        [&client, nonce](transport::LinkEvent event, const std::string&) {
          if (event == transport::LinkEvent::kConnected) {
            client.send(wire::pack(wire::Hello{.nonce = nonce, .software = "crowd"}));
          }
        });
  }

  std::filesystem::path home_;
  int port_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t welcomed_ = 0;
  std::vector<std::unique_ptr<transport::ZmqClient>> clients_;
};

TEST(Memory, CoordinatorGrowsLittleWithItsClients) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const TemporaryFolder folder;
  const auto home = folder.path() / "home";
  const int port = free_port();
  // More clients than ever come, so that no round begins.
  Process coordinator(
      {.arguments = {"lorae-coordinator", "--home", home.string(), "--bind",
                     "tcp://127.0.0.1:" + std::to_string(port), "--set", "federation.clients=1000",
                     "--set", "federation.min_clients=1000", "--set", "data.public_images=1000",
                     "--set", "pretraining.epochs=1", "--set", "federation.heartbeat=600"},
       .output = folder.path() / "coordinator.out"});
  ASSERT_TRUE(coordinator.wait_for("run.start", std::chrono::seconds(120))) << coordinator.errors();
  Crowd crowd(home, port);

  ASSERT_TRUE(crowd.grow_to(4));
  const long few = resident_kb(coordinator.id());
  ASSERT_TRUE(crowd.grow_to(200));
  const long many = resident_kb(coordinator.id());

  const double per_client = static_cast<double>(many - few) / 196.0;
  std::printf("coordinator: %ld kB with 4 clients, %ld kB with 200: %.1f kB per client\n", few,
              many, per_client);
  EXPECT_LE(per_client, kPerClientLimitKb);
  if (!is_usual_torch()) {
    GTEST_SKIP() << "the limit of the whole is one for Debian's LibTorch";
  }
  EXPECT_LE(many, kCoordinatorLimitKb);
}

TEST(Memory, ProgramsStayWithinTheirLimitsWhileTheyTrain) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const TemporaryFolder folder;
  Deployment deployment(folder.path(), 4);
  deployment.start_coordinator();
  deployment.start_clients();
  long coordinator_peak = 0;
  long client_peak = 0;

  while (!deployment.coordinator().wait(std::chrono::milliseconds(20))) {
    coordinator_peak = std::max(coordinator_peak, resident_kb(deployment.coordinator().id()));
    for (int i = 0; i < kClients; ++i) {
      client_peak = std::max(client_peak, resident_kb(deployment.client(i).id()));
    }
  }

  std::printf("peaks: coordinator %ld kB, client %ld kB\n", coordinator_peak, client_peak);
  EXPECT_EQ(deployment.client_statuses(), std::vector<int>(kClients, 0));
  if (!is_usual_torch()) {
    GTEST_SKIP() << "these limits are for Debian's LibTorch";
  }
  EXPECT_LE(coordinator_peak, kCoordinatorLimitKb);
  EXPECT_LE(client_peak, kClientLimitKb);
}

}  // namespace
}  // namespace lorae::test
