#pragma once

#include "transport/zmq_server.h"

namespace lorae::coordinator {

class Coordinator;

/// How a server's run ended.
enum class ServerEnd { kFinished, kInterrupted };

/// Drives a Coordinator by a socket, timers and signals until all rounds are done, SIGINT or
/// SIGTERM. The socket's thread hands frames over; the coordinator runs on this one alone.
/// Errors: whatever the coordinator throws, after the socket is closed.
ServerEnd serve(Coordinator& coordinator, transport::ZmqServer& socket);

}  // namespace lorae::coordinator
