#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/seed.h"
#include "coordinator/broadcast.h"
#include "coordinator/exchange_options.h"
#include "coordinator/federation_options.h"
#include "coordinator/global_state.h"
#include "coordinator/improvement.h"
#include "coordinator/intake.h"
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
  RoundId round = {};
  std::size_t clients = 0;
  Metrics metrics;                  ///< means over the clients' own, and what the rule reports
  std::int64_t uplink_bytes = 0;    ///< framed, of this round, all clients
  std::int64_t downlink_bytes = 0;  ///< likewise
  double seconds = 0;
};

/// What the coordinator tells its owner; any may be empty.
struct CoordinatorEvents {
  /// A round is committed.
  std::function<void(const RoundSummary&)> on_round;
  /// `state` is in force, and nobody has measured it: measure it, on a thread of your own if that
  /// takes long, and call on_metrics. The tensors are not written to any more.
  std::function<void(RoundId round, const StateDict& state)> on_state;
  /// Somebody came or went while clients are still missing.
  std::function<void(std::size_t present, std::size_t needed)> on_waiting;
  /// For the log: an event's name and its details.
  std::function<void(const char* event, const LogDetails& details)> on_note;
};

struct CoordinatorSettings {
  FederationOptions federation;
  Seed seed;
  std::function<std::string(const ClientId&)> plan;  ///< what travels with Welcome
  Bytes backbone;                                    ///< a safetensors file, served by its digest
  std::uint64_t epoch = 0;                           ///< random, of this start
  std::string run;                                   ///< name of the run, the same after a restart
  /// Times rounds, for whom the time that is handed in is not the wall clock; unset: that time.
  std::function<TimePoint()> stopwatch = {};
};

/// The coordinator's half of the protocol: join, assign, serve, collect, journal, aggregate,
/// commit. No sockets, threads or clock: frames, time and a channel to answer on. The deployed
/// server and the simulator drive the same one.
///
/// An update is acknowledged after it is durable; a round's result depends on the set of its
/// updates only. A full disk pauses the run and loses nothing. Threads: none.
class Coordinator {
 public:
  /// `initial` is the global state before the first round; goes on where the journal ends.
  /// Errors: kInvalidConfig for bad chains or rules; as GlobalState::restore.
  Coordinator(CoordinatorSettings settings,
              const StateDict& initial,
              const ExchangeOptions& exchange,
              const runs::RunDirectory& directory,
              runs::Journal& journal,
              transport::ServerChannel& channel,
              CoordinatorEvents events);

  void on_frame(transport::ConnectionId connection,
                const ClientId& client,
                wire::Frame frame,
                TimePoint now);

  /// These may not take part any more; an open round does not wait for them.
  void on_revoked(const std::vector<ClientId>& clients);

  /// What an evaluation of `state`, that of `round`, gave, whenever it is there. Keeps the state in
  /// the run's folder if it is the best so far. May be what ends the run: federation.stop.
  void on_metrics(RoundId round, const Metrics& metrics, const StateDict& state);

  /// Call after a batch of frames and at least a few times a second: makes the batch's updates
  /// durable and answers them, opens, closes and commits rounds.
  void advance(TimePoint now);

  /// Says goodbye to everybody. `finished`: for good.
  void say_bye(bool finished);
  /// Instead of `on_frame` after the last round: who has heard of the end leaves, who fetches the
  /// last global state gets it, the others are told again. True if it was a piece of that.
  bool on_frame_after_bye(transport::ConnectionId connection,
                          const ClientId& client,
                          wire::Frame frame,
                          TimePoint now);
  /// Writes what was counted since the last commit to the journal: after the last frame.
  void write_traffic();
  /// True if no client is here.
  bool is_alone() const { return roster_.members().empty(); }

  /// It has had its rounds, or does not improve any more.
  bool finished() const {
    return state_.version() >= last_round(settings_.federation) || stopped_improving();
  }
  const Improvement& improvement() const { return improvement_; }
  const GlobalState& state() const { return state_; }

 private:
  struct Pending {
    SessionId session = {};
    transport::ConnectionId connection = {};
    ReceivedUpdate update = {};
    Receipt receipt = {};
  };

  // coordinator_messages.cpp
  void on_hello(transport::ConnectionId connection,
                const ClientId& client,
                const wire::Hello& hello,
                TimePoint now);
  void on_message(const Roster::Member& member, const ClientId& client, const wire::Get& get);
  void on_message(const Roster::Member& member, const ClientId& client, wire::Update& update);
  void on_message(const Roster::Member& member, const ClientId& client, wire::WholeUpdate& whole);
  void on_message(const Roster::Member& member,
                  const ClientId& client,
                  const wire::Heartbeat& beat);
  void on_message(const Roster::Member& member,
                  const ClientId& client,
                  const wire::Decline& decline);
  void on_message(const Roster::Member& member, const ClientId& client, const wire::Bye& bye);
  template <typename Other>
  void on_message(const Roster::Member& member, const ClientId& client, const Other& other);
  void send_bye(const ClientId& client, const Roster::Member& member, bool finished);
  void on_unreadable(transport::ConnectionId connection,
                     const ClientId& client,
                     const wire::Unreadable& why);
  /// What to answer to a piece of an update; kAccepted: take it.
  std::pair<wire::VerdictKind, const char*> judge(RoundId round, const ClientId& client) const;
  void send(const ClientId& client,
            transport::ConnectionId connection,
            wire::Message message,
            const char* layer = kLayerControl);
  void verdict(const Pending& pending, wire::VerdictKind kind, const std::string& detail = {});
  void reject(const Pending& pending, const std::string& why);

  // coordinator_rounds.cpp
  void open_round(TimePoint now);
  void announce_waiting(std::size_t present, std::size_t needed);
  void resume_round(TimePoint now);
  void start_round(RoundId id, std::vector<ClientId> cohort, TimePoint now);
  bool needs_share(const ClientId& client) const;
  void turn_away(const ClientId& client);
  /// `in_full`: by an Assignment, even if a NextRound would do.
  void assign(const ClientId& client, bool in_full = false);
  void push(const ClientId& client,
            const Roster::Member& member,
            const wire::Assignment& assignment);
  void close_round(TimePoint now);
  void give_up_round(TimePoint now);
  void note_extension(TimePoint now) const;
  TimePoint timed(TimePoint now) const;
  void finish_round(TimePoint now);
  bool is_here(const ClientId& client, TimePoint now) const;
  Duration patience() const;

  // coordinator.cpp
  void flush_updates();
  void add_pending();
  void sum_again_if_stale();
  void ask_for_metrics();
  void note(const char* event, const LogDetails& details) const;
  bool stopped_improving() const { return improvement_.has_stopped(settings_.federation.stop); }
  RoundId counting_round() const { return round_ ? round_->id() : state_.version().next(); }

  CoordinatorSettings settings_;
  const runs::RunDirectory& directory_;
  runs::Journal& journal_;
  transport::ServerChannel& channel_;
  CoordinatorEvents events_;
  GlobalState state_;
  Broadcast broadcast_;
  Intake intake_;
  Digest backbone_digest_;
  Roster roster_;
  Uploads uploads_;
  Traffic traffic_;
  Improvement improvement_;
  std::map<ClientId, std::int64_t> shares_;
  std::map<ClientId, RoundId> counted_;    // the last committed round that has an update of theirs
  std::map<ClientId, TimePoint> resting_;  // declined a round that nobody reported in
  std::vector<Pending> pending_;           // complete, not yet durable
  std::size_t pending_bytes_ = 0;          // of their payloads
  std::optional<Round> round_;
  TimePoint round_began_;                         // by the stopwatch
  std::optional<aggregation::Aggregate> result_;  // of round_: the state has stepped, not committed
  bool resumed_ = false;                          // what the journal had open was looked at
  bool sum_is_stale_ = false;                     // the intake does not hold what the journal does
  bool paused_ = false;                           // no disk space
  TimePoint retry_;                               // when paused: not before
  std::optional<std::size_t> announced_present_;
};

}  // namespace lorae::coordinator
