#pragma once

#include <optional>
#include <zmq.hpp>

namespace lorae::transport {

/// Watches one socket; destroy it before the socket. For the .cpp files of this folder.
///
/// Not zmq::monitor_t, which keeps its socket to itself: ours is polled together with the watched
/// one. Must be drained: libzmq stops serving the whole process when a monitor is full.
/// Threads: that of the socket.
class Monitor {
 public:
  /// Attach before the socket dials. Errors: kUnavailable.
  explicit Monitor(zmq::socket_ref watched);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// To poll for input.
  void* handle() noexcept { return events_.handle(); }
  /// The kind of the next waiting event, one of ZMQ_EVENT_*, if any.
  std::optional<int> next();

 private:
  zmq::socket_ref watched_;
  zmq::socket_t events_;
};

}  // namespace lorae::transport
