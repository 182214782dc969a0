#include "transport/monitor.h"

#include <zmq.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/error.h"

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

Monitor::Monitor(const Socket& watched) : watched_(watched), events_(ZMQ_PAIR) {
  const std::string address = unique_address();
  check(zmq_socket_monitor(watched.get(), address.c_str(), kEvents) == 0 &&
            zmq_connect(events_.get(), address.c_str()) == 0,
        ErrorCode::kUnavailable, "[transport] cannot watch a socket: ", zmq_strerror(zmq_errno()));
}

Monitor::~Monitor() {
  zmq_socket_monitor(watched_.get(), nullptr, 0);
}

std::optional<MonitorEvent> Monitor::next() {
  // Two parts: 16 bits of kind and 32 of value in the first, the address in the second.
  const auto inbound = receive_frame(events_, false);
  if (!inbound || inbound->frame.head.size() != 6) {
    return std::nullopt;
  }
  std::uint16_t kind = 0;
  std::int32_t value = 0;
  std::memcpy(&kind, inbound->frame.head.data(), sizeof kind);
  std::memcpy(&value, inbound->frame.head.data() + sizeof kind, sizeof value);
  return MonitorEvent{kind, value};
}

}  // namespace lorae::transport
