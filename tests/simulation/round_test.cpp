// Whole rounds without sockets: the real coordinator, clients made of the real session and, where
// the test needs it, hand-made updates.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "adapters/blocks.h"
#include "codec/pipeline.h"
#include "coordinator/coordinator.h"
#include "simulation/fleet.h"
#include "tensors/torch.h"
#include "transport/in_process.h"

namespace lorae::simulation {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A global model of four numbers that travels uncompressed, so that a test can say what it is.
StateDict small_state() {
  return StateDict({{"head.weight", torch::zeros({2, 2})}});
}

coordinator::GlobalModelOptions plain_options() {
  coordinator::GlobalModelOptions options;
  options.server = {.learning_rate = 1.0, .momentum = 0.0};
  options.uplink = "delta";
  options.downlink = "float32";
  options.info.model = "none";
  return options;
}

class RoundOfThree : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "lorae-round-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    directory_.emplace(runs::RunDirectory::create(folder_ / "run", "# a test\n"));
    journal_.emplace(directory_->journal_path());
    start();
  }
  void TearDown() override {
    clients_.clear();
    coordinator_.reset();
    journal_.reset();
    directory_.reset();
    fs::remove_all(folder_);
  }

  void start() {
    coordinator::FederationOptions federation;
    federation.rounds = 1;
    federation.clients = 3;
    federation.min_clients = 3;
    coordinator_.emplace(coordinator::CoordinatorSettings{.federation = federation,
                                                          .seed = {},
                                                          .plan = "the plan",
                                                          .backbone = Bytes(10, std::byte{1}),
                                                          .evaluate = {},
                                                          .epoch = 1,
                                                          .run = "test"},
                         coordinator::GlobalModel(small_state(), plain_options()), *directory_,
                         *journal_, network_.server(), coordinator::CoordinatorEvents{});
    network_.start([this](auto connection, const ClientId& client, wire::Frame frame) {
      coordinator_->on_frame(connection, client, std::move(frame), now_);
    });
    for (const ClientId& name : client_names(3)) {
      auto client = std::make_unique<Client>(backbones_);
      Client* self = client.get();
      client->channel = network_.connect(
          name,
          [this, self](wire::Frame frame) {
            self->session.on_frame(std::move(frame), now_);
            send(*self);
          },
          [this, self](transport::LinkEvent, const std::string&) {
            self->session.on_connected(now_);
            send(*self);
          });
      clients_.push_back(std::move(client));
    }
  }

  struct Client {
    explicit Client(FleetMemory::Shared& shared) : memory(shared), session(memory, 1) {}
    FleetMemory memory;
    client::Session session;
    std::unique_ptr<transport::ClientChannel> channel;
  };

  void send(Client& client) {
    for (wire::Frame& frame : client.session.take_outgoing()) {
      client.channel->send(std::move(frame));
    }
  }

  void pump() {
    while (network_.deliver_all() > 0) {
      coordinator_->advance(now_);
    }
    coordinator_->advance(now_);
    network_.deliver_all();
  }

  /// Client `index` finishes its work with the delta (v, v, v, v).
  void report(std::size_t index, float value, std::int64_t examples = 1) {
    report_payload(index, copy_of(bytes_of(std::span<const float>(std::vector<float>(4, value)))),
                   examples);
  }

  void report_payload(std::size_t index, Bytes values, std::int64_t examples = 1) {
    Client& client = *clients_.at(index);
    const auto work = client.session.take_work();
    ASSERT_TRUE(work.has_value());
    const auto size = static_cast<std::uint32_t>(values.size());
    Bytes payload = copy_of(std::as_bytes(std::span(&size, 1)));
    append(payload, values);
    client.session.on_trained(work->key, {std::move(payload), examples, 0.5}, now_);
    send(client);
    pump();
  }

  float result() const {
    return coordinator_->model().state().at("head.weight").flatten()[0].item<float>();
  }

  fs::path folder_;
  std::optional<runs::RunDirectory> directory_;
  std::optional<runs::Journal> journal_;
  transport::InProcessNetwork network_;
  FleetMemory::Shared backbones_;
  std::optional<coordinator::Coordinator> coordinator_;
  std::vector<std::unique_ptr<Client>> clients_;
  TimePoint now_{1h};
};

TEST_F(RoundOfThree, EndsWithTheWeightedMean) {
  pump();

  report(0, 1.0F, 1);
  report(1, 2.0F, 1);
  report(2, 5.0F, 2);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 13.0F / 4.0F);
}

TEST_F(RoundOfThree, RejectsANaNAndIsNotAffectedByIt) {
  pump();

  report(0, 1.0F);
  report(1, std::numeric_limits<float>::quiet_NaN());
  report(2, 2.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
  const auto notes = clients_[1]->session.take_notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("not finite"), std::string::npos);
  EXPECT_EQ(journal_->rounds().at(0).num_updates, 2);
}

TEST_F(RoundOfThree, RejectsAnUpdateOfAnotherModel) {
  pump();

  report(0, 1.0F);
  report_payload(1, Bytes(6 * sizeof(float)));
  report(2, 2.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
  EXPECT_EQ(clients_[1]->session.take_notes().size(), 1U);
}

TEST_F(RoundOfThree, DoesNotWaitForAClientThatDeclines) {
  pump();
  report(0, 1.0F);
  report(2, 2.0F);
  ASSERT_FALSE(coordinator_->finished());

  const auto work = clients_[1]->session.take_work();
  clients_[1]->session.on_failed(work->key, "[codec] a value is not finite", now_);
  send(*clients_[1]);
  pump();

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
}

TEST_F(RoundOfThree, FailsWithTheReasonIfNobodyCanReport) {
  pump();
  for (std::size_t i = 0; i < 2; ++i) {
    const auto work = clients_[i]->session.take_work();
    clients_[i]->session.on_failed(work->key, "no images", now_);
    send(*clients_[i]);
  }
  pump();
  const auto work = clients_[2]->session.take_work();
  clients_[2]->session.on_failed(work->key, "no images at all", now_);
  send(*clients_[2]);

  try {
    pump();
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no images at all"), std::string::npos);
  }
}

TEST_F(RoundOfThree, CountsEachUpdateOnceOverABadNetwork) {
  int seen = 0;
  network_.set_fault([&](const wire::Frame&) {
    constexpr std::array kFaults = {transport::Fault::kNone, transport::Fault::kDuplicate,
                                    transport::Fault::kDelay, transport::Fault::kDuplicate};
    return kFaults[static_cast<std::size_t>(seen++) % kFaults.size()];
  });
  pump();

  report(0, 1.0F);
  report(1, 2.0F);
  report(2, 6.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 3.0F);
  EXPECT_EQ(journal_->rounds().at(0).num_updates, 3);
  EXPECT_EQ(journal_->total_bytes(runs::Direction::kUplink, "raw"), 3 * 4 * 4);
}

TEST_F(RoundOfThree, RecoversFromAThirdOfAllFramesLost) {
  Random random = Seed{11}.random();
  network_.set_fault([&](const wire::Frame&) {
    return random.below(3) == 0 ? transport::Fault::kDrop : transport::Fault::kNone;
  });
  std::vector<bool> reported(3, false);
  for (int step = 0; step < 1000 && !coordinator_->finished(); ++step) {
    now_ += 1s;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i]->session.on_tick(now_);
      send(*clients_[i]);
      if (clients_[i]->session.state() == client::SessionState::kTraining && !reported[i]) {
        reported[i] = true;
        report(i, static_cast<float>(i));
      }
    }
    pump();
  }

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.0F);
}

}  // namespace
}  // namespace lorae::simulation
