#pragma once

#include <functional>
#include <memory>

#include "transport/zmq_server.h"

namespace lorae::coordinator {

class Coordinator;

/// How a server's run ended.
enum class ServerEnd { kFinished, kInterrupted };

/// Drives a Coordinator by a socket, timers and signals until all rounds are done, SIGINT or
/// SIGTERM. The socket's thread hands frames over; the coordinator runs on `run`'s thread alone.
class Server {
 public:
  Server(Coordinator& coordinator, transport::ZmqServer& socket);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Errors: whatever the coordinator throws, after the socket is closed.
  ServerEnd run();

  /// Has `work` done on the coordinator's thread; not at all once `run` has ended. Threads: any.
  void post(std::function<void(Coordinator&)> work);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace lorae::coordinator
