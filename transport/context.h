#pragma once

namespace lorae::transport {

/// The one ZeroMQ context of the process, made at first use and never terminated.
///
/// One, because libzmq 4.3.4 closes libsodium under all contexts when one ends (libzmq #4242);
/// never terminated, because termination can hang or fault (libzmq #4806) and nothing needs it:
/// every socket has LINGER 0 and what must be durable is on disk before it is acknowledged.
/// Threads: any.
void* process_context();

}  // namespace lorae::transport
