#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/channel.h"
#include "transport/keys.h"
#include "transport/registry.h"
#include "transport/zap.h"

namespace lorae::transport {

struct ZmqServerOptions {
  std::string endpoint = "tcp://127.0.0.1:7227";  ///< port "*" or 0: any free one
  KeyPair keys;
  Registry registry;
  std::size_t max_frame_bytes = std::size_t{300} * 1024;  ///< of one head or body, encrypted
  std::size_t max_queued_bytes = 64U << 20;               ///< waiting in `send`; more is dropped
  std::size_t connections_per_client = 4;  ///< the least recently heard one is forgotten
  Door::OnDenied on_denied;                ///< may be empty
  /// Called with the clients that a new registry lets in no more, connected or not, in the order
  /// of enrolment; may be empty. On the thread of OnFrame, so no frame of theirs follows, unless
  /// they are let in again; it must be quick and must not throw. What happened before `start` is
  /// reported after it. Who is let in again before the thread has looked is not reported.
  std::function<void(const std::vector<ClientId>&)> on_revoked = {};
};

/// Totals since the start. Units: frames and bytes of wire::Frame::size().
struct ServerCounters {
  std::uint64_t frames_in = 0;  ///< delivered to OnFrame
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_out = 0;  ///< accepted by libzmq
  std::uint64_t bytes_out = 0;
  std::uint64_t dropped = 0;          ///< outbound: peer gone, stalled, or queue full
  std::uint64_t unauthenticated = 0;  ///< inbound without an identity, or revoked since
  std::uint64_t malformed = 0;        ///< inbound of more than two parts, or a forged routing id
  std::uint64_t denied = 0;           ///< handshakes turned away
};

/// A coordinator's socket: ROUTER with CURVE and the allow-list, on a thread of its own.
///
/// Fails closed three ways: the ZAP handler is up before the socket is bound, the socket demands a
/// ZAP answer, and a frame without an identity that is active *now* is dropped.
/// Threads: `start` and `stop` from the owner, the rest from any.
class ZmqServer final : public ServerChannel {
 public:
  /// Binds. Peers may connect from now on, but nothing is read before `start`.
  /// Errors: kInvalidConfig for a malformed endpoint or key or an address that is not ours;
  ///         kUnavailable if the port is in use or libzmq lacks what we need.
  explicit ZmqServer(ZmqServerOptions options);
  ~ZmqServer() override;

  /// `on_frame` is called on the I/O thread: it must be quick and must not throw. Denials before
  /// this are not reported, so run the self-test first.
  void start(OnFrame on_frame);

  void send(ConnectionId to, wire::Frame frame) override;

  /// From now on frames of revoked clients are dropped, both ways, and new keys are let in. Does
  /// not wait for `on_revoked`. A revoked client's TCP connection stays open: libzmq 4.3.4 cannot
  /// close one connection.
  void set_registry(Registry registry);

  /// Where it really listens, for example "tcp://127.0.0.1:40123".
  const std::string& endpoint() const noexcept;
  ServerCounters counters() const;

  /// Closes the socket; no callback runs afterwards. Returns within 2 s even if libzmq hangs.
  /// Not from a callback. The destructor calls it.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lorae::transport
