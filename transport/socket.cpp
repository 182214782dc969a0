#include "transport/socket.h"

#include <zmq.h>

#include <utility>

#include "base/error.h"
#include "transport/context.h"

namespace lorae::transport {
namespace {

/// One part of a message.
class Part {
 public:
  Part() { zmq_msg_init(&part_); }
  ~Part() { zmq_msg_close(&part_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  bool receive(const Socket& socket) {
    return zmq_msg_recv(&part_, socket.get(), ZMQ_DONTWAIT) >= 0;
  }
  bool more() const { return zmq_msg_more(&part_) != 0; }
  ByteView bytes() {
    return {static_cast<const std::byte*>(zmq_msg_data(&part_)), zmq_msg_size(&part_)};
  }
  std::string user() const {
    const char* const user = zmq_msg_gets(&part_, "User-Id");
    return user == nullptr ? std::string() : std::string(user);
  }

 private:
  zmq_msg_t part_;
};

std::string zmq_text() {
  return zmq_strerror(zmq_errno());
}

bool send_part(const Socket& socket, ByteView bytes, bool more) {
  return zmq_send(socket.get(), bytes.data(), bytes.size(),
                  more ? ZMQ_DONTWAIT | ZMQ_SNDMORE : ZMQ_DONTWAIT) >= 0;
}

}  // namespace

Socket::Socket(int type) : socket_(zmq_socket(process_context(), type)) {
  check(socket_ != nullptr, ErrorCode::kUnavailable,
        "[transport] cannot create a socket: ", zmq_text(),
        "; is the limit on open files (ulimit -n) too low?");
  set(ZMQ_LINGER, 0, "LINGER");
}

Socket::~Socket() {
  if (socket_ != nullptr) {
    zmq_close(socket_);
  }
}

Socket::Socket(Socket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}

void Socket::set(int option, int value, std::string_view name) {
  check(zmq_setsockopt(socket_, option, &value, sizeof value) == 0, ErrorCode::kUnavailable,
        "[transport] this libzmq refuses option ", name, " = ", value, ": ", zmq_text(),
        "; version 4.3.4 with CURVE is needed");
}

void Socket::set(int option, std::string_view value, std::string_view name) {
  check(zmq_setsockopt(socket_, option, value.data(), value.size()) == 0, ErrorCode::kUnavailable,
        "[transport] this libzmq refuses option ", name, ": ", zmq_text(),
        "; version 4.3.4 with CURVE is needed");
}

void set_peer_options(Socket& socket, const PeerOptions& options) {
  constexpr int kKernelBufferBytes = 262'144;  // bounds what a stalled peer costs
  socket.set(ZMQ_SNDHWM, options.send_limit, "SNDHWM");
  socket.set(ZMQ_RCVHWM, options.receive_limit, "RCVHWM");
  socket.set(ZMQ_SNDBUF, kKernelBufferBytes, "SNDBUF");
  socket.set(ZMQ_HANDSHAKE_IVL, kHandshakeMilliseconds, "HANDSHAKE_IVL");
  socket.set(ZMQ_HEARTBEAT_IVL, options.heartbeat_milliseconds, "HEARTBEAT_IVL");
  socket.set(ZMQ_HEARTBEAT_TIMEOUT, 3 * options.heartbeat_milliseconds, "HEARTBEAT_TIMEOUT");
  socket.set(ZMQ_TCP_KEEPALIVE, 1, "TCP_KEEPALIVE");
  socket.set(ZMQ_TCP_KEEPALIVE_IDLE, 60, "TCP_KEEPALIVE_IDLE");
  socket.set(ZMQ_TCP_KEEPALIVE_INTVL, 15, "TCP_KEEPALIVE_INTVL");
  socket.set(ZMQ_TCP_KEEPALIVE_CNT, 4, "TCP_KEEPALIVE_CNT");
  const auto limit = static_cast<std::int64_t>(options.max_frame_bytes);
  check(zmq_setsockopt(socket.get(), ZMQ_MAXMSGSIZE, &limit, sizeof limit) == 0,
        ErrorCode::kInvalidArgument, "[transport] max_frame_bytes = ", limit, ": ", zmq_text());
}

void set_client_keys(Socket& socket, const KeyPair& keys, std::string_view server_public_key) {
  socket.set(ZMQ_CURVE_SERVERKEY, server_public_key, "CURVE_SERVERKEY");
  socket.set(ZMQ_CURVE_PUBLICKEY, keys.public_key, "CURVE_PUBLICKEY");
  socket.set(ZMQ_CURVE_SECRETKEY, keys.secret_key, "CURVE_SECRETKEY");
}

Sent send_frame(const Socket& socket, std::string_view route, const wire::Frame& frame) {
  const bool body = !frame.body.empty();
  const bool sent = (route.empty() || send_part(socket, view_of(route), true)) &&
                    send_part(socket, frame.head, body) &&
                    (!body || send_part(socket, frame.body, false));
  if (sent) {
    return Sent::kYes;
  }
  const int error = zmq_errno();
  check(error == EAGAIN || error == EHOSTUNREACH || error == EINTR, ErrorCode::kUnavailable,
        "[transport] cannot send: ", zmq_text());
  return error == EHOSTUNREACH ? Sent::kGone : Sent::kFull;
}

std::optional<Inbound> receive_frame(const Socket& socket, bool routed) {
  Part part;
  if (!part.receive(socket)) {
    const int error = zmq_errno();
    check(error == EAGAIN || error == EINTR, ErrorCode::kUnavailable,
          "[transport] cannot receive: ", zmq_text());
    return std::nullopt;
  }
  // A message is handed over whole, so its further parts never keep us waiting.
  const auto next = [&] {
    check(part.receive(socket), ErrorCode::kUnavailable,
          "[transport] cannot receive the rest of a message: ", zmq_text());
  };
  Inbound inbound;
  if (routed) {
    inbound.route = text_of(part.bytes());
    if (!part.more()) {
      return inbound;
    }
    next();
  }
  inbound.user = part.user();  // 4.3.4 loses it on the route, never on the parts that follow
  for (;;) {
    ++inbound.parts;
    if (inbound.parts <= 2) {
      (inbound.parts == 1 ? inbound.frame.head : inbound.frame.body) = copy_of(part.bytes());
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
