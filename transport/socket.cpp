#include "transport/socket.h"

namespace lorae::transport {
namespace {

// A simulated fleet has three libzmq sockets per client; the default limit is 1023.
constexpr int kMaxSockets = 16'384;

// One context, because libzmq 4.3.4 closes libsodium under all contexts when one ends (libzmq
// #4242); never terminated, because termination can hang or fault (libzmq #4806) and nothing needs
// it: every socket has LINGER 0 and what must be durable is on disk before it is acknowledged.
zmq::context_t& process_context() {
  static zmq::context_t& context = []() -> zmq::context_t& {
    try {
      auto* const made = new zmq::context_t;  // NOLINT(*-owning-memory): it outlives every thread
      made->set(zmq::ctxopt::max_sockets, kMaxSockets);
      made->set(zmq::ctxopt::blocky, 0);
      return *made;
    } catch (const zmq::error_t& error) {
      fail(ErrorCode::kUnavailable, "[transport] cannot create a ZeroMQ context: ", error.what());
    }
  }();
  return context;
}

ByteView bytes_of(const zmq::message_t& part) {
  return {part.data<std::byte>(), part.size()};
}

/// The identity that the ZAP handler gave to the sender, "" if none.
std::string user_of(zmq::message_t& part) {
  // Not message_t::gets, which throws where there is none.
  const char* const user = zmq_msg_gets(part.handle(), "User-Id");
  return user == nullptr ? std::string() : std::string(user);
}

/// False if nothing waits.
bool receive(zmq::socket_ref socket, zmq::message_t& part) {
  try {
    return socket.recv(part, zmq::recv_flags::dontwait).has_value();
  } catch (const zmq::error_t& error) {
    check(error.num() == EINTR, ErrorCode::kUnavailable,
          "[transport] cannot receive: ", error.what());
    return false;
  }
}

bool send(zmq::socket_ref socket, ByteView bytes, bool more) {
  const auto flags =
      more ? zmq::send_flags::dontwait | zmq::send_flags::sndmore : zmq::send_flags::dontwait;
  return socket.send(zmq::buffer(bytes.data(), bytes.size()), flags).has_value();
}

}  // namespace

zmq::socket_t make_socket(zmq::socket_type type) {
  try {
    zmq::socket_t socket(process_context(), type);
    socket.set(zmq::sockopt::linger, 0);
    return socket;
  } catch (const zmq::error_t& error) {
    fail(ErrorCode::kUnavailable, "[transport] cannot create a socket: ", error.what(),
         "; is the limit on open files (ulimit -n) too low?");
  }
}

void set_peer_options(zmq::socket_t& socket, const PeerOptions& options) {
  constexpr int kKernelBufferBytes = 262'144;  // bounds what a stalled peer costs
  namespace opt = zmq::sockopt;
  set_option(socket, opt::sndhwm, options.send_limit, "SNDHWM");
  set_option(socket, opt::rcvhwm, options.receive_limit, "RCVHWM");
  set_option(socket, opt::sndbuf, kKernelBufferBytes, "SNDBUF");
  set_option(socket, opt::handshake_ivl, kHandshakeMilliseconds, "HANDSHAKE_IVL");
  set_option(socket, opt::heartbeat_ivl, options.heartbeat_milliseconds, "HEARTBEAT_IVL");
  set_option(socket, opt::heartbeat_timeout, 3 * options.heartbeat_milliseconds,
             "HEARTBEAT_TIMEOUT");
  set_option(socket, opt::tcp_keepalive, 1, "TCP_KEEPALIVE");
  set_option(socket, opt::tcp_keepalive_idle, 60, "TCP_KEEPALIVE_IDLE");
  set_option(socket, opt::tcp_keepalive_intvl, 15, "TCP_KEEPALIVE_INTVL");
  set_option(socket, opt::tcp_keepalive_cnt, 4, "TCP_KEEPALIVE_CNT");
  const auto limit = static_cast<std::int64_t>(options.max_frame_bytes);
  try {
    socket.set(opt::maxmsgsize, limit);
  } catch (const zmq::error_t& error) {
    fail(ErrorCode::kInvalidArgument, "[transport] max_frame_bytes = ", limit, ": ", error.what());
  }
}

void set_client_keys(zmq::socket_t& socket,
                     const KeyPair& keys,
                     std::string_view server_public_key) {
  set_option(socket, zmq::sockopt::curve_serverkey, server_public_key, "CURVE_SERVERKEY");
  set_option(socket, zmq::sockopt::curve_publickey, keys.public_key, "CURVE_PUBLICKEY");
  set_option(socket, zmq::sockopt::curve_secretkey, keys.secret_key, "CURVE_SECRETKEY");
}

void poll(std::span<zmq::pollitem_t> items, std::chrono::milliseconds patience) {
  try {
    zmq::poll(items.data(), items.size(), patience);
  } catch (const zmq::error_t& error) {
    check(error.num() == EINTR, ErrorCode::kUnavailable, "[transport] poll: ", error.what());
    for (zmq::pollitem_t& item : items) {
      item.revents = 0;
    }
  }
}

Sent send_frame(zmq::socket_ref socket, std::string_view route, const wire::Frame& frame) {
  try {
    const bool body = !frame.body.empty();
    const bool sent = (route.empty() || send(socket, view_of(route), true)) &&
                      send(socket, frame.head, body) && (!body || send(socket, frame.body, false));
    return sent ? Sent::kYes : Sent::kFull;
  } catch (const zmq::error_t& error) {
    check(error.num() == EHOSTUNREACH || error.num() == EINTR, ErrorCode::kUnavailable,
          "[transport] cannot send: ", error.what());
    return error.num() == EHOSTUNREACH ? Sent::kGone : Sent::kFull;
  }
}

std::optional<Inbound> receive_frame(zmq::socket_ref socket, bool routed) {
  zmq::message_t part;
  if (!receive(socket, part)) {
    return std::nullopt;
  }
  // A message is handed over whole, so its further parts never keep us waiting.
  const auto next = [&] {
    check(receive(socket, part), ErrorCode::kUnavailable,
          "[transport] cannot receive the rest of a message: ", zmq_strerror(zmq_errno()));
  };
  Inbound inbound;
  if (routed) {
    inbound.route = part.to_string();
    if (!part.more()) {
      return inbound;
    }
    next();
  }
  inbound.user = user_of(part);  // 4.3.4 loses it on the route, never on the parts that follow
  for (;;) {
    ++inbound.parts;
    if (inbound.parts <= 2) {
      (inbound.parts == 1 ? inbound.frame.head : inbound.frame.body) = copy_of(bytes_of(part));
    }
    if (!part.more()) {
      break;
    }
    next();
  }
  if (inbound.parts > 2) {
    inbound.frame = {};
  }
  return inbound;
}

}  // namespace lorae::transport
