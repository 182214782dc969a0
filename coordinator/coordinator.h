#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/seed.h"
#include "coordinator/federation_options.h"
#include "coordinator/global_model.h"
#include "coordinator/roster.h"
#include "coordinator/round.h"
#include "coordinator/traffic.h"
#include "coordinator/uploads.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "transport/channel.h"
#include "wire/messages.h"

namespace lorae::coordinator {

/// What a round came to.
struct RoundSummary {
  RoundId round = 0;
  std::size_t clients = 0;
  std::optional<double> accuracy;
  double train_loss = 0;
  std::int64_t uplink_bytes = 0;    ///< framed, of this round, all clients
  std::int64_t downlink_bytes = 0;  ///< likewise
  double seconds = 0;
};

/// What the coordinator tells its owner; any may be empty.
struct CoordinatorEvents {
  std::function<void(const RoundSummary&)> on_round;
  /// Somebody came or went while clients are still missing.
  std::function<void(std::size_t present, std::size_t needed)> on_waiting;
  /// For the log: an event's name and its details.
  std::function<void(const char* event, const std::string& details)> on_note;
};

struct CoordinatorSettings {
  FederationOptions federation;
  Seed seed;
  std::string plan;                                  ///< travels with Welcome
  Bytes backbone;                                    ///< a safetensors file, served by its digest
  std::function<double(const StateDict&)> evaluate;  ///< accuracy of a global state; may be empty
  std::uint64_t epoch = 0;                           ///< random, of this start
  std::string run;                                   ///< name of the run, the same after a restart
};

/// The coordinator's half of the protocol: join, assign, serve, collect, journal, aggregate,
/// commit. No sockets, threads or clock: frames, time and a channel to answer on. The deployed
/// server and the simulator drive the same one.
///
/// An update is acknowledged after it is durable; a round's result depends on the set of its
/// updates only. A full disk pauses the run and loses nothing. Threads: none.
class Coordinator {
 public:
  /// Goes on where the journal ends.
  /// Errors: as GlobalModel::restore.
  Coordinator(CoordinatorSettings settings,
              GlobalModel model,
              const runs::RunDirectory& directory,
              runs::Journal& journal,
              transport::ServerChannel& channel,
              CoordinatorEvents events);

  void on_frame(transport::ConnectionId connection,
                const ClientId& client,
                wire::Frame frame,
                TimePoint now);

  /// Call after a batch of frames and at least a few times a second: makes the batch's updates
  /// durable and answers them, opens, closes and commits rounds.
  void advance(TimePoint now);

  /// Says goodbye to everybody. `finished`: for good.
  void say_bye(bool finished);

  bool finished() const {
    return model_.version() >= static_cast<RoundId>(settings_.federation.rounds);
  }
  const GlobalModel& model() const { return model_; }
  std::size_t num_present() const { return roster_.members().size(); }

 private:
  struct Pending {
    ReceivedUpdate update;
    std::uint64_t session = 0;
    transport::ConnectionId connection = 0;
  };

  void on_hello(transport::ConnectionId connection,
                const ClientId& client,
                const wire::Hello& hello,
                TimePoint now);
  void on_message(const Roster::Member& member, const ClientId& client, const wire::Get& get);
  void on_message(const Roster::Member& member, const ClientId& client, wire::Update& update);
  void on_message(const Roster::Member& member,
                  const ClientId& client,
                  const wire::Heartbeat& beat);
  void on_message(const Roster::Member& member,
                  const ClientId& client,
                  const wire::Decline& decline);
  void on_message(const Roster::Member& member, const ClientId& client, const wire::Bye& bye);
  template <typename Other>
  void on_message(const Roster::Member& member, const ClientId& client, const Other& other);

  void open_round(TimePoint now);
  void resume_round(TimePoint now);
  void assign(const ClientId& client);
  void flush_updates();
  void close_round(TimePoint now);
  void finish_round(TimePoint now);
  void evaluate_round(RoundId round, RoundSummary& summary);
  std::vector<runs::BytesEntry> ledger_entries(const ReceivedUpdate& update) const;

  void send(const ClientId& client,
            transport::ConnectionId connection,
            wire::Message message,
            const char* layer = kLayerControl);
  void verdict(const Pending& pending, wire::VerdictKind kind, const std::string& detail = {});
  void note(const char* event, const std::string& details) const;
  RoundId counting_round() const { return round_ ? round_->id() : model_.version() + 1; }

  CoordinatorSettings settings_;
  GlobalModel model_;
  const runs::RunDirectory& directory_;
  runs::Journal& journal_;
  transport::ServerChannel& channel_;
  CoordinatorEvents events_;
  Digest backbone_digest_;
  Roster roster_;
  Uploads uploads_;
  Traffic traffic_;
  std::map<ClientId, std::int64_t> shares_;
  std::vector<Pending> pending_;   // complete, not yet durable
  std::size_t pending_bytes_ = 0;  // of their payloads
  std::optional<Round> round_;
  bool stepped_ = false;  // aggregated, not yet committed
  bool paused_ = false;   // no disk space
  TimePoint retry_;       // when paused: not before
  std::optional<std::size_t> announced_present_;
};

}  // namespace lorae::coordinator
