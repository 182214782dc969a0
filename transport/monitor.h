#pragma once

#include <optional>

#include "transport/socket.h"

namespace lorae::transport {

/// One event in the life of a socket's connection: ZMQ_EVENT_* and what libzmq says about it.
struct MonitorEvent {
  int kind = 0;
  int value = 0;
};

/// Watches one socket; destroy it before the socket. For the .cpp files of this folder.
///
/// Must be drained: libzmq stops serving the whole process when a monitor is full.
/// Threads: that of the socket.
class Monitor {
 public:
  /// Attach before the socket dials.
  explicit Monitor(const Socket& watched);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// To poll for input.
  void* get() const noexcept { return events_.get(); }
  /// The next waiting event, if any.
  std::optional<MonitorEvent> next();

 private:
  const Socket& watched_;
  Socket events_;
};

}  // namespace lorae::transport
