#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "client/download.h"
#include "client/memory.h"
#include "wire/messages.h"

namespace lorae::client {

/// One round's training, with everything it needs.
struct Work {
  UpdateKey key;
  ClientId client;   ///< our name, as the coordinator knows it
  std::string plan;  ///< what and how to train, as TOML (training::parse_plan)
  Digest backbone;   ///< in Memory, unless it is here:
  std::shared_ptr<const Bytes> fetched_backbone;  ///< to be kept in Memory by whoever trains
  Bytes model;  ///< the global state, by the plan's downlink chain
  std::uint64_t share_index = 0;
  std::uint64_t share_count = 1;
  double learning_rate_factor = 1.0;
  RoundId counted = {}, base_version = {};  ///< as wire::Assignment has them
  ShortDigest state = {};                   ///< likewise
  std::int64_t rank_max = 0;  ///< components of each adapter that are trained at most; 0: all
};

struct SessionOptions {
  std::string software = "lorae-client";
  std::string codecs = {};                     ///< see wire::Hello; empty: not told
  std::int64_t rank_max = 0;                   ///< see wire::Hello; 0: any
  bool own_data = false;                       ///< it trains on data of its own and takes no share
  bool keep_model = false;                     ///< fetches the last global state before it ends
  Duration retry = std::chrono::seconds(5);    ///< without progress for so long: ask again;
                                               ///< to be let in, twice as long each time
  std::uint64_t largest_object = 1ULL << 32U;  ///< bytes; a longer one is refused
};

/// Of the global state that an assignment is trained from: what an UpdateKey has of it.
Digest trained_from(const wire::Assignment& assignment);

/// What the session asks of the loop that drives it.
enum class SessionState { kOffline, kJoining, kIdle, kFetching, kTraining, kSending, kEnded };

/// A client's half of the protocol, without sockets, threads, tensors or a clock: events and the
/// time go in, frames and work come out. The deployed client and the simulator drive the same one.
///
/// Every wait is bounded by progress: whatever is lost is asked for again. A new connection starts
/// the transfer in hand again; a finished training is never lost. Threads: none.
class Session {
 public:
  /// `nonce` is random; see Hello.
  Session(Memory& memory, std::uint64_t nonce, SessionOptions options = {});

  void on_connected(TimePoint now);
  void on_disconnected();
  void on_frame(wire::Frame frame, TimePoint now);
  void on_tick(TimePoint now);

  /// The result of the Work that was taken. It is kept in Memory before it is sent.
  void on_trained(const UpdateKey& key, TrainedUpdate update, TimePoint now);
  /// Training was not possible; the coordinator is told not to wait.
  void on_failed(const UpdateKey& key, const std::string& why, TimePoint now);
  /// What Memory had for the backbone of the Work that was taken is damaged and gone.
  void on_backbone_lost(TimePoint now);
  /// Ends the session from this side: the coordinator is told why, and waits no more.
  void leave(const std::string& why);

  std::vector<wire::Frame> take_outgoing();
  std::optional<Work> take_work();
  /// The last global state, once the run is over: as a Work that is not to be trained. Only with
  /// SessionOptions::keep_model, and from a coordinator that offers it.
  std::optional<Work> take_model() { return std::exchange(model_, std::nullopt); }
  /// The plan of a Welcome that brought another one than the last.
  std::optional<std::string> take_plan() { return std::exchange(plan_, std::nullopt); }

  SessionState state() const { return state_; }
  /// The round in hand, or the last one.
  RoundId round() const { return assignment_.round; }
  /// Why the session ended: the coordinator's Bye, or one of reason kStopping if there is no common
  /// protocol version. Precondition: state() is kEnded.
  const wire::Bye& end() const { return *end_; }
  /// True, once, if so many answers stayed out that a fresh connection is worth a try.
  bool take_redial();
  /// Verdicts and refusals for the log, oldest first.
  std::vector<std::string> take_notes();

 private:
  void on_message(wire::Welcome message, TimePoint now);
  void on_message(wire::Assignment message, TimePoint now);
  void on_message(wire::NextRound message, TimePoint now);
  void on_message(wire::Chunk message, TimePoint now);
  void on_message(const wire::Verdict& message, TimePoint now);
  void on_message(const wire::Reject& message, TimePoint now);
  void on_message(wire::HeartbeatAck message, TimePoint now);
  void on_message(wire::Bye message, TimePoint now);
  template <typename Other>
  void on_message(const Other& message, TimePoint now);

  void on_unreadable(const wire::Unreadable& error);
  void say_hello(TimePoint now);
  void become_idle(TimePoint now);
  void fetch(TimePoint now);
  void start_fetching(TimePoint now);
  void download_model();
  /// Takes the model that came with its round, if it is the assignment's.
  bool take_arrived();
  void on_model(Bytes model);
  void fetch_model(wire::Bye message, TimePoint now);
  /// After the last round: whether or not the global state is here.
  void end_run();
  void start_training();
  void send_update(TimePoint now);
  void send_heartbeat();
  void send(wire::Message message) { outgoing_.push_back(wire::pack(std::move(message))); }
  bool joined() const { return session_ != SessionId{}; }
  /// Without a training in hand the state shows how far the connection is.
  void lose_session(SessionState state);

  Memory& memory_;
  SessionOptions options_;
  SessionState state_ = SessionState::kOffline;
  std::uint64_t nonce_;
  bool connected_ = false;
  SessionId session_;
  wire::Welcome welcome_;
  wire::Assignment assignment_;
  std::optional<wire::Assignment> next_;   // arrived while training for another round
  std::optional<wire::Assignment> heard_;  // the session's last one, whatever became of it
  std::optional<std::pair<Digest, Bytes>> arrived_;  // a model that came with its round
  bool brief_ = false;                               // the coordinator knows WholeUpdate
  std::optional<Download> download_;
  std::optional<Work> work_;
  std::optional<Work> model_;              // the last global state, complete
  std::optional<wire::Bye> finishing_;     // the run is over, and the last global state is fetched
  std::optional<std::string> plan_;        // not taken yet
  std::shared_ptr<const Bytes> backbone_;  // fetched, and not yet known to be in Memory
  Digest backbone_digest_;
  TrainedUpdate update_;
  Digest update_object_;
  std::uint64_t update_offset_ = 0;
  RoundId done_round_;   // nothing more to do for this round
  TimePoint progress_;   // when the peer last moved us on
  TimePoint heartbeat_;  // when we last sent one
  int silent_retries_ = 0;
  int silent_hellos_ = 0;                  // since a Welcome, over all connections
  std::set<std::uint64_t> unknown_kinds_;  // that the coordinator was told of
  std::optional<wire::Bye> end_;
  std::vector<wire::Frame> outgoing_;
  std::vector<std::string> notes_;
};

}  // namespace lorae::client
