#include "transport/monitor.h"

#include <atomic>
#include <cstdint>
#include <cstring>

#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr int kEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

std::string unique_address() {
  static std::atomic<std::uint64_t> count{0};
  return str("inproc://lorae.monitor.", count++);
}

}  // namespace

Monitor::Monitor(zmq::socket_ref watched)
    : watched_(watched), events_(make_socket(zmq::socket_type::pair)) {
  const std::string address = unique_address();
  try {
    uninterrupted([&] {
      if (zmq_socket_monitor(watched_.handle(), address.c_str(), kEvents) != 0) {
        throw zmq::error_t();
      }
    });
    uninterrupted([&] { events_.connect(address); });
  } catch (const zmq::error_t& error) {
    fail(ErrorCode::kUnavailable, "[transport] cannot watch a socket: ", error.what());
  }
}

Monitor::~Monitor() {
  zmq_socket_monitor(watched_.handle(), nullptr, 0);
}

std::optional<int> Monitor::next() {
  // Two parts: 16 bits of kind and 32 of value in the first, the address in the second.
  const auto inbound = receive_frame(events_, false);
  if (!inbound || inbound->frame.head.size() != 6) {
    return std::nullopt;
  }
  std::uint16_t kind = 0;
  std::memcpy(&kind, inbound->frame.head.data(), sizeof kind);
  return kind;
}

}  // namespace lorae::transport
