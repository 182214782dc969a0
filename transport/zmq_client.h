#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "transport/channel.h"
#include "transport/keys.h"

namespace lorae::transport {

struct ZmqClientOptions {
  std::string endpoint;                                   ///< "tcp://host:port"
  KeyPair keys;                                           ///< this client's
  std::string server_public_key;                          ///< the coordinator's, which we insist on
  std::size_t max_frame_bytes = std::size_t{300} * 1024;  ///< of one head or body, encrypted
  std::size_t max_queued_bytes = 16U << 20;               ///< waiting in `send`; more is dropped
  /// After a lost connection: the first wait is drawn from [low, high], then doubles up to `cap`.
  std::chrono::milliseconds reconnect_low{500};
  std::chrono::milliseconds reconnect_high{1500};
  std::chrono::milliseconds reconnect_cap{30'000};
  /// After a denial or a wrong server: doubles from `low` to `cap`, with jitter.
  std::chrono::milliseconds retry_low{1'000};
  std::chrono::milliseconds retry_cap{60'000};
  std::chrono::milliseconds heartbeat{15'000};  ///< a silent peer is dead after three more
};

/// Totals since the start. Units: frames and bytes of wire::Frame::size().
struct ClientCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_out = 0;  ///< accepted by libzmq
  std::uint64_t bytes_out = 0;
  std::uint64_t dropped = 0;    ///< outbound: not connected, stalled, or queue full
  std::uint64_t malformed = 0;  ///< inbound of more than two parts
};

/// A client's socket: DEALER with CURVE, on a thread of its own.
///
/// libzmq dials again after a lost connection but never after a denial; this class does, so that
/// a client that is enrolled later gets in without a restart.
/// Threads: `start` and `stop` from the owner, the rest from any.
class ZmqClient final : public ClientChannel {
 public:
  /// Errors: kInvalidConfig for a malformed endpoint or key.
  explicit ZmqClient(ZmqClientOptions options);
  ~ZmqClient() override;

  /// Dials. The callbacks are called on the I/O thread: they must be quick and must not throw.
  void start(OnFrame on_frame, OnLink on_link);

  void send(wire::Frame frame) override;

  /// Drops the connection and dials anew. For a session that waits too long for an answer: a
  /// client revoked while connected is heard no more, and is told why only by a new handshake.
  void redial();

  ClientCounters counters() const;

  /// Closes the socket; no callback runs afterwards. Returns within 2 s even if libzmq hangs.
  /// Not from a callback. The destructor calls it.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lorae::transport
