#include "transport/context.h"

#include <zmq.h>

#include "base/error.h"

namespace lorae::transport {
namespace {

// A simulated fleet has three libzmq sockets per client; the default limit is 1023.
constexpr int kMaxSockets = 16'384;

void* make_context() {
  void* const context = zmq_ctx_new();
  check(context != nullptr, ErrorCode::kUnavailable,
        "[transport] cannot create a ZeroMQ context: ", zmq_strerror(zmq_errno()));
  zmq_ctx_set(context, ZMQ_MAX_SOCKETS, kMaxSockets);
  zmq_ctx_set(context, ZMQ_BLOCKY, 0);
  return context;
}

}  // namespace

void* process_context() {
  static void* const context = make_context();
  return context;
}

}  // namespace lorae::transport
