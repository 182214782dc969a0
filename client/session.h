#pragma once

#include <optional>
#include <string>
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
  Digest backbone;   ///< in Memory by now
  Bytes model;       ///< the global state, by the plan's downlink chain
  std::uint64_t share_index = 0;
  std::uint64_t share_count = 1;
  double learning_rate_factor = 1.0;
};

struct SessionOptions {
  std::string software = "lorae-client";
  Duration retry = std::chrono::seconds(5);    ///< without progress for so long: ask again
  std::uint64_t largest_object = 1ULL << 32U;  ///< bytes; a longer one is refused
};

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

  std::vector<wire::Frame> take_outgoing();
  std::optional<Work> take_work();

  SessionState state() const { return state_; }
  /// The round in hand, or the last one.
  RoundId round() const { return assignment_.round; }
  /// Precondition: state() is kEnded.
  const wire::Bye& end() const { return *end_; }
  /// True, once, if so many answers stayed out that a fresh connection is worth a try.
  bool take_redial();
  /// Verdicts and refusals for the log, oldest first.
  std::vector<std::string> take_notes();

 private:
  void on_message(wire::Welcome message, TimePoint now);
  void on_message(wire::Assignment message, TimePoint now);
  void on_message(wire::Chunk message, TimePoint now);
  void on_message(wire::Verdict message, TimePoint now);
  void on_message(wire::Reject message, TimePoint now);
  void on_message(wire::HeartbeatAck message, TimePoint now);
  void on_message(wire::Bye message, TimePoint now);
  template <typename Other>
  void on_message(const Other& message, TimePoint now);

  void say_hello(TimePoint now);
  void become_idle(TimePoint now);
  void fetch(TimePoint now);
  void start_training();
  void send_update(TimePoint now);
  void send_heartbeat();
  void send(wire::Message message) { outgoing_.push_back(wire::pack(std::move(message))); }
  bool joined() const { return session_ != 0; }
  /// Without a training in hand the state shows how far the connection is.
  void lose_session(SessionState state);

  Memory& memory_;
  SessionOptions options_;
  SessionState state_ = SessionState::kOffline;
  std::uint64_t nonce_;
  bool connected_ = false;
  std::uint64_t session_ = 0;
  wire::Welcome welcome_;
  wire::Assignment assignment_;
  std::optional<wire::Assignment> next_;  // arrived while training for another round
  std::optional<Download> download_;
  std::optional<Work> work_;
  TrainedUpdate update_;
  Digest update_object_;
  std::uint64_t update_offset_ = 0;
  RoundId done_round_ = 0;  // nothing more to do for this round
  TimePoint progress_;      // when the peer last moved us on
  TimePoint heartbeat_;     // when we last sent one
  int silent_retries_ = 0;
  std::optional<wire::Bye> end_;
  std::vector<wire::Frame> outgoing_;
  std::vector<std::string> notes_;
};

}  // namespace lorae::client
