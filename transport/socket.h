#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "transport/endpoint.h"
#include "transport/keys.h"
#include "wire/frame.h"

namespace lorae::transport {

/// A libzmq socket of the process's context. For the .cpp files of this folder.
/// Threads: one at a time; may be handed from one to another.
class Socket {
 public:
  /// Errors: kUnavailable, for example without file descriptors.
  explicit Socket(int type);
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;

  void* get() const noexcept { return socket_; }
  /// Errors: kUnavailable if libzmq refuses; `name` is for the message.
  void set(int option, int value, std::string_view name);
  void set(int option, std::string_view value, std::string_view name);

 private:
  void* socket_;
};

/// What both ends set: limits on memory and time, dead-peer detection, CURVE keys.
struct PeerOptions {
  std::size_t max_frame_bytes = 0;
  int heartbeat_milliseconds = 15'000;
  int send_limit = 8;     ///< messages per peer
  int receive_limit = 8;  ///< messages per peer
};
void set_peer_options(Socket& socket, const PeerOptions& options);

/// A client's CURVE keys: ours, and the server's that we insist on.
void set_client_keys(Socket& socket, const KeyPair& keys, std::string_view server_public_key);

/// Time that either end gives a handshake before it hangs up.
constexpr int kHandshakeMilliseconds = 10'000;

enum class Sent {
  kYes,
  kFull,  ///< the peer does not read, or there is no connection
  kGone,  ///< the peer is not connected any more
};

/// Sends head and body without ever waiting. `route` is the ROUTER's name for the peer, else "".
/// Errors: kUnavailable if libzmq reports anything else.
Sent send_frame(const Socket& socket, std::string_view route, const wire::Frame& frame);

/// One message as it was received.
struct Inbound {
  std::string route;      ///< the ROUTER's name for the peer
  std::string user;       ///< the name that the ZAP handler gave it, "" if none
  std::size_t parts = 0;  ///< without the route
  wire::Frame frame;      ///< empty if there were more than two parts
};

/// Takes the next waiting message, if any. Parts after the second are read and thrown away, one at
/// a time, so that a message of a million parts costs no memory here.
/// Errors: as send_frame.
std::optional<Inbound> receive_frame(const Socket& socket, bool routed);

}  // namespace lorae::transport
