#pragma once

#include <cerrno>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <zmq.hpp>

#include "base/error.h"
#include "transport/keys.h"
#include "wire/frame.h"

// What cppzmq leaves to us: frames of bounded size, our limits on peers, and our errors in place of
// zmq::error_t. For the .cpp files of this folder: no header that others include sees <zmq.hpp>.

namespace lorae::transport {

/// A socket with LINGER 0 of the process's one context, which is made at first use.
/// Errors: kUnavailable, for example without file descriptors.
zmq::socket_t make_socket(zmq::socket_type type);

/// Sets one of zmq::sockopt. `name` is for the message; a text is not shown, it may be a secret.
/// Errors: kUnavailable if libzmq refuses.
template <typename Option, typename Value>
void set_option(zmq::socket_t& socket, Option option, const Value& value, std::string_view name) {
  try {
    socket.set(option, value);
  } catch (const zmq::error_t& error) {
    std::string shown;
    if constexpr (std::is_integral_v<Value>) {
      shown = str(" = ", value);
    }
    fail(ErrorCode::kUnavailable, "[transport] this libzmq refuses option ", name, shown, ": ",
         error.what(), "; version 4.3.4 with CURVE is needed");
  }
}

/// Does `action`, again if a signal came in its middle: libzmq gives up then, with nothing done.
/// Errors: its zmq::error_t.
template <typename Action>
void uninterrupted(Action action) {
  for (;;) {
    try {
      action();
      return;
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) {
        throw;
      }
    }
  }
}

/// What both ends set: limits on memory and time, dead-peer detection, CURVE keys.
struct PeerOptions {
  std::size_t max_frame_bytes = 0;
  int heartbeat_milliseconds = 15'000;
  int send_limit = 8;     ///< messages per peer
  int receive_limit = 8;  ///< messages per peer
};
void set_peer_options(zmq::socket_t& socket, const PeerOptions& options);

/// A client's CURVE keys: ours, and the server's that we insist on.
void set_client_keys(zmq::socket_t& socket,
                     const KeyPair& keys,
                     std::string_view server_public_key);

constexpr std::chrono::milliseconds kForEver{-1};

/// Waits until an item is ready or `patience` is over. May return early, with none ready.
/// Errors: kUnavailable.
void poll(std::span<zmq::pollitem_t> items, std::chrono::milliseconds patience);

/// Time that either end gives a handshake before it hangs up.
constexpr int kHandshakeMilliseconds = 10'000;

enum class Sent {
  kYes,
  kFull,  ///< the peer does not read, or there is no connection
  kGone,  ///< the peer is not connected any more
};

/// Sends head and body without ever waiting. `route` is the ROUTER's name for the peer, else "".
/// Errors: kUnavailable if libzmq reports anything else.
Sent send_frame(zmq::socket_ref socket, std::string_view route, const wire::Frame& frame);

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
std::optional<Inbound> receive_frame(zmq::socket_ref socket, bool routed);

}  // namespace lorae::transport
