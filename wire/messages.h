#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>

#include "base/digest.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "base/result.h"
#include "wire/frame.h"

namespace lorae::wire {

// What coordinator and client say to each other. docs/wire_format.md has the grammar of the bytes
// and who answers what. Each struct lists its fields once, in wire order, in `fields()`.
//
// Messages grow: a new field goes to the end of its struct, with the default that an absent one
// stands for, and `kRequired` stays at the number of fields that protocol 2.0 has. A reader skips
// fields that it does not know; a writer leaves out the last ones that have their defaults.

inline constexpr std::uint64_t kMagic = 0x4c52;  // "LR"
inline constexpr std::uint64_t kVersion = 2;
inline constexpr std::size_t kMaxHead = 4096;         ///< bytes of a packed head
inline constexpr std::size_t kMaxDepth = 8;           ///< nesting of a head, its own array included
inline constexpr std::size_t kMaxText = 480;          ///< bytes of one text field
inline constexpr std::size_t kMaxMetrics = 32;        ///< entries of one metrics field
inline constexpr std::size_t kMaxMetricName = 64;     ///< bytes
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
  kNextRound,
  kWholeUpdate,
};

/// Client: let me in, this is what I can do. `nonce` stays the same while the client retries, so a
/// repeated Hello gets the same session back.
struct Hello {
  static constexpr Kind kKind = Kind::kHello;
  static constexpr std::size_t kRequired = 9;
  std::uint64_t nonce = 0;
  std::uint64_t min_version = kVersion;
  std::uint64_t max_version = kVersion;
  std::string software = {};
  std::string codecs = {};     ///< stages of the codec that it knows, separated by commas
  std::uint64_t rank_max = 0;  ///< components of each adapter that it trains at most; 0: all
  std::string held_run = {};   ///< the run of which it holds a global model
  RoundId held_version = {};   ///< of that model; 0: none
  std::uint64_t own_data = 0;  ///< 1: it trains on data of its own and takes no share
  std::uint64_t brief = 0;     ///< 1: it knows NextRound
  auto fields() {
    return std::tie(nonce, min_version, max_version, software, codecs, rank_max, held_run,
                    held_version, own_data, brief);
  }
};

/// Coordinator: you are in. The body is the run's plan: what and how to train, as TOML.
struct Welcome {
  static constexpr Kind kKind = Kind::kWelcome;
  static constexpr std::size_t kRequired = 7;
  SessionId session = {};
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
  static constexpr std::size_t kRequired = 10;
  SessionId session = {};
  RoundId round = {};
  Digest model = {};  ///< of the encoded global state
  std::uint64_t model_bytes = 0;
  Digest backbone = {};
  std::uint64_t backbone_bytes = 0;
  std::uint64_t share_index = 0;  ///< which share of the private data, 0-based
  std::uint64_t share_count = 1;
  double learning_rate_factor = 1.0;  ///< the round's place in the schedule, (0, 1]
  /// 0: `model` is a whole state, or, with a lattice, the difference to the one that the plan's
  /// seed draws; else the difference to that version.
  RoundId base_version = {};
  /// The last round before this one whose sum has an update of this client; 0: none. What a client
  /// keeps of its own from round to round goes on from there.
  RoundId counted = {};
  Digest state = {};  ///< of the global state that `model` brings; all zero: not told
  auto fields() {
    return std::tie(session, round, model, model_bytes, backbone, backbone_bytes, share_index,
                    share_count, learning_rate_factor, base_version, counted, state);
  }
};

/// Coordinator: train in this round, as the last Assignment of the session says but for these
/// fields; the body is the model. Only for clients that know it (Hello), and for small models.
struct NextRound {
  static constexpr Kind kKind = Kind::kNextRound;
  static constexpr std::size_t kRequired = 6;
  SessionId session = {};
  RoundId round = {};
  ShortDigest model = {};
  double learning_rate_factor = 1.0;
  RoundId base_version = {};
  RoundId counted = {};
  ShortDigest state = {};  ///< all zero: not told
  Bytes body = {};
  auto fields() {
    return std::tie(session, round, model, learning_rate_factor, base_version, counted, state);
  }
};

/// Client: send me `object` from `offset`.
struct Get {
  static constexpr Kind kKind = Kind::kGet;
  static constexpr std::size_t kRequired = 3;
  SessionId session = {};
  Digest object = {};
  std::uint64_t offset = 0;
  auto fields() { return std::tie(session, object, offset); }
};

/// Coordinator: a piece of an object.
struct Chunk {
  static constexpr Kind kKind = Kind::kChunk;
  static constexpr std::size_t kRequired = 4;
  SessionId session = {};
  Digest object = {};
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  Bytes body = {};
  auto fields() { return std::tie(session, object, offset, total); }
};

/// Client: a piece of this round's update. `object` is the digest of the whole payload.
struct Update {
  static constexpr Kind kKind = Kind::kUpdate;
  static constexpr std::size_t kRequired = 7;
  SessionId session = {};
  RoundId round = {};
  Digest object = {};
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  std::uint64_t num_examples = 0;
  Metrics metrics = {};  ///< of the training: "loss/train", mean over the last local epoch, ...
  Bytes body = {};
  auto fields() { return std::tie(session, round, object, offset, total, num_examples, metrics); }
};

/// Client: this round's update, all of it. Only to coordinators that sent a NextRound.
struct WholeUpdate {
  static constexpr Kind kKind = Kind::kWholeUpdate;
  static constexpr std::size_t kRequired = 5;
  SessionId session = {};
  RoundId round = {};
  ShortDigest object = {};  ///< of the body
  std::uint64_t num_examples = 0;
  Metrics metrics = {};
  Bytes body = {};
  auto fields() { return std::tie(session, round, object, num_examples, metrics); }
};

enum class VerdictKind : std::uint64_t {
  kProgress = 1,  ///< keep sending, from next_offset
  kAccepted,      ///< durable: it will be counted, whatever crashes
  kDuplicate,     ///< an update of this client and round is already durable
  kLate,          ///< the round is over; forget it
  kRejected,      ///< not usable (detail says why); do not send it again
  kWait,          ///< no room on the disk or in memory for now; send again later
};

/// Coordinator: what became of (a piece of) an update.
struct Verdict {
  static constexpr Kind kKind = Kind::kVerdict;
  static constexpr std::size_t kRequired = 5;
  SessionId session = {};
  RoundId round = {};
  VerdictKind kind = VerdictKind::kProgress;
  std::uint64_t next_offset = 0;
  std::string detail = {};
  auto fields() { return std::tie(session, round, kind, next_offset, detail); }
};

enum class RejectCode : std::uint64_t {
  kMalformed = 400,
  kUnknownSession = 401,   ///< say Hello again
  kNotFound = 404,         ///< no such object (any more)
  kUnknownKind = 405,      ///< a kind of message that this side does not know
  kNoCommonVersion = 426,  ///< no common protocol version
};

/// Either side: that message made no sense to me. `session` is the one it came with, 0 if it could
/// not be read. A Reject is never answered. These three fields are the first in every protocol
/// version, so that sides without a common one can say so.
struct Reject {
  static constexpr Kind kKind = Kind::kReject;
  static constexpr std::size_t kRequired = 3;
  SessionId session = {};
  RejectCode code = RejectCode::kMalformed;
  std::string detail = {};
  auto fields() { return std::tie(session, code, detail); }
};

enum class ClientState : std::uint64_t { kIdle = 1, kFetching, kTraining, kSending };

/// Client: I am here. An idle one is told again what it may have missed.
struct Heartbeat {
  static constexpr Kind kKind = Kind::kHeartbeat;
  static constexpr std::size_t kRequired = 3;
  SessionId session = {};
  RoundId round = {};
  ClientState state = ClientState::kIdle;
  auto fields() { return std::tie(session, round, state); }
};

struct HeartbeatAck {
  static constexpr Kind kKind = Kind::kHeartbeatAck;
  static constexpr std::size_t kRequired = 2;
  SessionId session = {};
  RoundId round = {};  ///< the coordinator's current one
  auto fields() { return std::tie(session, round); }
};

enum class ByeReason : std::uint64_t {
  kFinished = 1,  ///< the last round is done
  kReplaced,      ///< somebody else said Hello with your key
  kStopping,      ///< stopping for now; come back later
  kNoShare,       ///< all shares of the run's data are taken
};

/// Either side: the session ends. A coordinator's Bye(finished) names the last global state, which
/// can be fetched until the client answers; `model` is 0 if there is none to fetch.
struct Bye {
  static constexpr Kind kKind = Kind::kBye;
  static constexpr std::size_t kRequired = 3;
  SessionId session = {};
  ByeReason reason = ByeReason::kStopping;
  std::string detail = {};
  Digest model = {};  ///< of the encoded global state
  std::uint64_t model_bytes = 0;
  Digest backbone = {};
  std::uint64_t backbone_bytes = 0;
  RoundId round = {};  ///< the last one, whose result it is
  auto fields() {
    return std::tie(session, reason, detail, model, model_bytes, backbone, backbone_bytes, round);
  }
};

/// Client: I cannot take part in this round (detail says why); do not wait for me.
struct Decline {
  static constexpr Kind kKind = Kind::kDecline;
  static constexpr std::size_t kRequired = 3;
  SessionId session = {};
  RoundId round = {};
  std::string detail = {};
  /// 1: only for want of the version that the model is a difference to; assign it again from the
  /// start.
  std::uint64_t needs_start = 0;
  auto fields() { return std::tie(session, round, detail, needs_start); }
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
                             Decline,
                             NextRound,
                             WholeUpdate>;

/// Why bytes are no message for this build; what() says it in words.
/// Its code() is kCorruptData for kMalformed, kIncompatible for the others.
class Unreadable : public Error {
 public:
  enum class Why {
    kMalformed,     ///< no message of any version
    kOtherVersion,  ///< of another protocol version, and no Reject
    kUnknownKind,   ///< well-formed, of our version, and of a kind of later builds
  };
  static Unreadable malformed(const std::string& what);
  static Unreadable other_version(std::uint64_t version);
  static Unreadable unknown_kind(std::uint64_t kind);

  Why why() const { return why_; }
  /// The protocol version to answer in: the peer's as far as it is known, else ours.
  std::uint64_t version() const { return version_; }
  /// The kind that is not known; 0 unless why() is kUnknownKind.
  std::uint64_t kind() const { return kind_; }

 private:
  Unreadable(Why why, std::uint64_t version, std::uint64_t kind, const std::string& what);

  Why why_;
  std::uint64_t version_;
  std::uint64_t kind_;
};

/// The bytes of `message`. What a reader would refuse is cut or left out: texts behind kMaxText
/// bytes; metrics that are not finite, without a sendable name (1 to kMaxMetricName printable ASCII
/// characters, each name once) or behind the first kMaxMetrics.
Frame pack(Message message);

/// `reject` for a peer of another protocol version: that version's prefix and the three fields that
/// every version has.
Frame pack_for(std::uint64_t version, const Reject& reject);

/// Reads bytes from a peer: any bytes at all, without crashing or allocating more than they can
/// hold. Fields behind the known ones are skipped; those behind M::kRequired may be absent. A
/// Reject is read from every version above 0. Errors (returned): Unreadable.
Result<Message, Unreadable> unpack(Frame frame);

}  // namespace lorae::wire
