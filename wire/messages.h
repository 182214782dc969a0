#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>

#include "base/digest.h"
#include "base/result.h"
#include "wire/frame.h"

namespace lorae::wire {

// What coordinator and client say to each other. docs/wire_format.md has the grammar of the bytes
// and who answers what. Each struct lists its fields once, in wire order, in `fields()`; an arity
// never changes within a version.

inline constexpr std::uint64_t kMagic = 0x4c52;  // "LR"
inline constexpr std::uint64_t kVersion = 1;
inline constexpr std::size_t kMaxHead = 1024;         ///< bytes of a packed head
inline constexpr std::size_t kMaxText = 480;          ///< bytes of one text field
inline constexpr std::size_t kDefaultChunk = 262144;  ///< bytes of a body

enum class Kind : std::uint64_t {
  kHello = 1,
  kWelcome,
  kAssignment,
  kGet,
  kChunk,
  kUpdate,
  kVerdict,
  kReject,
  kHeartbeat,
  kHeartbeatAck,
  kBye,
  kDecline,
};

/// Client: let me in. `nonce` stays the same while the client retries, so a repeated Hello gets
/// the same session back.
struct Hello {
  static constexpr Kind kKind = Kind::kHello;
  std::uint64_t nonce = 0;
  std::uint64_t min_version = kVersion;
  std::uint64_t max_version = kVersion;
  std::string software = {};
  auto fields() { return std::tie(nonce, min_version, max_version, software); }
};

/// Coordinator: you are in. The body is the run's plan: what and how to train, as TOML.
struct Welcome {
  static constexpr Kind kKind = Kind::kWelcome;
  std::uint64_t session = 0;
  std::uint64_t nonce = 0;  ///< of the Hello that this answers
  std::string run = {};
  std::string client = {};  ///< the name that the key is enrolled under
  std::uint64_t chunk_bytes = kDefaultChunk;
  std::uint64_t window = 2;  ///< Gets in flight at most
  std::uint64_t heartbeat_ms = 10000;
  Bytes body = {};
  auto fields() { return std::tie(session, nonce, run, client, chunk_bytes, window, heartbeat_ms); }
};

/// Coordinator: train in this round, from this global model on top of this backbone.
struct Assignment {
  static constexpr Kind kKind = Kind::kAssignment;
  std::uint64_t session = 0;
  std::uint64_t round = 0;
  Digest model = {};  ///< of the encoded global state
  std::uint64_t model_bytes = 0;
  Digest backbone = {};
  std::uint64_t backbone_bytes = 0;
  std::uint64_t share_index = 0;  ///< which share of the private data, 0-based
  std::uint64_t share_count = 1;
  double learning_rate_factor = 1.0;  ///< the round's place in the schedule, (0, 1]
  auto fields() {
    return std::tie(session, round, model, model_bytes, backbone, backbone_bytes, share_index,
                    share_count, learning_rate_factor);
  }
};

/// Client: send me `object` from `offset`.
struct Get {
  static constexpr Kind kKind = Kind::kGet;
  std::uint64_t session = 0;
  Digest object = {};
  std::uint64_t offset = 0;
  auto fields() { return std::tie(session, object, offset); }
};

/// Coordinator: a piece of an object.
struct Chunk {
  static constexpr Kind kKind = Kind::kChunk;
  std::uint64_t session = 0;
  Digest object = {};
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  Bytes body = {};
  auto fields() { return std::tie(session, object, offset, total); }
};

/// Client: a piece of this round's update. `object` is the digest of the whole payload.
struct Update {
  static constexpr Kind kKind = Kind::kUpdate;
  std::uint64_t session = 0;
  std::uint64_t round = 0;
  Digest object = {};
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  std::uint64_t num_examples = 0;
  double train_loss = 0;  ///< mean over the last local epoch
  Bytes body = {};
  auto fields() {
    return std::tie(session, round, object, offset, total, num_examples, train_loss);
  }
};

enum class VerdictKind : std::uint64_t {
  kProgress = 1,  ///< keep sending, from next_offset
  kAccepted,      ///< durable: it will be counted, whatever crashes
  kDuplicate,     ///< an update of this client and round is already durable
  kLate,          ///< the round is over; forget it
  kRejected,      ///< not usable (detail says why); do not send it again
  kWait,          ///< no room on the coordinator's disk; send again later
};

/// Coordinator: what became of (a piece of) an update.
struct Verdict {
  static constexpr Kind kKind = Kind::kVerdict;
  std::uint64_t session = 0;
  std::uint64_t round = 0;
  VerdictKind kind = VerdictKind::kProgress;
  std::uint64_t next_offset = 0;
  std::string detail = {};
  auto fields() { return std::tie(session, round, kind, next_offset, detail); }
};

enum class RejectCode : std::uint64_t {
  kMalformed = 400,
  kUnknownSession = 401,   ///< say Hello again
  kNotFound = 404,         ///< no such object (any more)
  kNoCommonVersion = 426,  ///< no common protocol version
};

/// Coordinator: that message made no sense to me. `session` is the one it came with.
struct Reject {
  static constexpr Kind kKind = Kind::kReject;
  std::uint64_t session = 0;
  RejectCode code = RejectCode::kMalformed;
  std::string detail = {};
  auto fields() { return std::tie(session, code, detail); }
};

enum class ClientState : std::uint64_t { kIdle = 1, kFetching, kTraining, kSending };

/// Client: I am here. An idle one is told again what it may have missed.
struct Heartbeat {
  static constexpr Kind kKind = Kind::kHeartbeat;
  std::uint64_t session = 0;
  std::uint64_t round = 0;
  ClientState state = ClientState::kIdle;
  auto fields() { return std::tie(session, round, state); }
};

struct HeartbeatAck {
  static constexpr Kind kKind = Kind::kHeartbeatAck;
  std::uint64_t session = 0;
  std::uint64_t round = 0;  ///< the coordinator's current one
  auto fields() { return std::tie(session, round); }
};

enum class ByeReason : std::uint64_t {
  kFinished = 1,  ///< the last round is done
  kReplaced,      ///< somebody else said Hello with your key
  kStopping,      ///< stopping for now; come back later
};

/// Either side: the session ends.
struct Bye {
  static constexpr Kind kKind = Kind::kBye;
  std::uint64_t session = 0;
  ByeReason reason = ByeReason::kStopping;
  std::string detail = {};
  auto fields() { return std::tie(session, reason, detail); }
};

/// Client: I cannot take part in this round (detail says why); do not wait for me.
struct Decline {
  static constexpr Kind kKind = Kind::kDecline;
  std::uint64_t session = 0;
  std::uint64_t round = 0;
  std::string detail = {};
  auto fields() { return std::tie(session, round, detail); }
};

using Message = std::variant<Hello,
                             Welcome,
                             Assignment,
                             Get,
                             Chunk,
                             Update,
                             Verdict,
                             Reject,
                             Heartbeat,
                             HeartbeatAck,
                             Bye,
                             Decline>;

Frame pack(Message message);

/// Reads bytes from a peer: any bytes at all, without crashing or allocating more than they hold.
/// Errors (returned): kIncompatible for another protocol version, kCorruptData for the rest.
Result<Message> unpack(Frame frame);

}  // namespace lorae::wire
