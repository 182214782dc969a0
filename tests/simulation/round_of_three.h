#pragma once

#include <gtest/gtest.h>

#include <array>

#include "coordinator/coordinator.h"
#include "simulation/fleet.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "transport/in_process.h"

// Whole rounds without sockets: the real coordinator, clients made of the real session and, where
// a test needs it, hand-made updates.
namespace lorae::simulation {

/// A global model of four numbers that travels uncompressed, so that a test can say what it is.
inline StateDict small_state() {
  return StateDict({{"head.weight", torch::zeros({2, 2})}});
}

inline coordinator::ExchangeOptions plain_options() {
  coordinator::ExchangeOptions options;
  options.server = {.learning_rate = 1.0, .momentum = 0.0};
  options.uplink = "delta";
  options.downlink = "float32";
  options.info.model = "none";
  options.info.kind = adapters::Kind::kFull;
  return options;
}

class RoundOfThree : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_.emplace(runs::RunDirectory::create(folder_ / "run", "# a test\n"));
    journal_.emplace(directory_->journal_path(), runs::Journal::Mode::kContinue);
    start();
  }
  void TearDown() override {
    clients_.clear();
    coordinator_.reset();
    journal_.reset();
    directory_.reset();
  }

  void start_coordinator() {
    coordinator_.emplace(
        coordinator::CoordinatorSettings{.federation = federation_,
                                         .seed = {},
                                         .plan = [](const ClientId&) { return "the plan"; },
                                         .backbone = Bytes(10, std::byte{1}),
                                         .epoch = 1,
                                         .run = "test"},
        initial_, exchange_, *directory_, *journal_, network_.server(),
        coordinator::CoordinatorEvents{
            .on_round = {},
            .on_state = [this](RoundId round, const StateDict&) { asked_.push_back(round); },
            .on_waiting = {},
            .on_note =
                [this](const char* event, const LogDetails& details) {
                  notes_ += str(event, ' ', details, '\n');
                }});
  }

  void start() {
    start_coordinator();
    network_.start([this](auto connection, const ClientId& client, wire::Frame frame) {
      coordinator_->on_frame(connection, client, std::move(frame), now_);
    });
    for (const ClientId& name : client_names(3)) {
      join(name);
    }
  }

  void join(const ClientId& name, bool own_data = false, bool keep_model = false) {
    auto client = std::make_unique<Client>(backbones_, own_data, keep_model);
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

  struct Client {
    Client(SharedBackbones& shared, bool own_data, bool keep_model)
        : memory(shared, FleetOptions{}, ClientId{}),
          session(memory, 1, {.own_data = own_data, .keep_model = keep_model}) {}
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
    client.session.on_trained(work->key, {std::move(payload), examples, said_}, now_);
    send(client);
    pump();
  }

  float result() const {
    return coordinator_->state().tensors().at("head.weight").flatten()[0].item<float>();
  }

  TemporaryFolder folder_;
  std::optional<runs::RunDirectory> directory_;
  std::optional<runs::Journal> journal_;
  transport::InProcessNetwork network_;
  coordinator::FederationOptions federation_{
      .rounds = 1, .clients = 3, .min_clients = 3, .min_fraction = 0.8, .report_deadline = 600};
  StateDict initial_ = small_state();
  coordinator::ExchangeOptions exchange_ = plain_options();
  Metrics said_{{"loss/train", 0.5}};  // by each client of its training
  std::string notes_;
  std::vector<RoundId> asked_;  // to be measured
  SharedBackbones backbones_;
  std::optional<coordinator::Coordinator> coordinator_;
  std::vector<std::unique_ptr<Client>> clients_;
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace lorae::simulation
