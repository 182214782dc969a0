#pragma once

#include <functional>
#include <memory>

#include "transport/channel.h"

namespace lorae::transport {

/// What a test does to one frame on its way.
enum class Fault {
  kNone,
  kDrop,
  kDuplicate,  ///< delivered now, and again after everything queued at this moment
  kDelay,      ///< delivered after everything queued at this moment
};

/// A network inside one process: the channels without sockets, threads or randomness.
///
/// Frames and link events wait in one first-in-first-out queue until `deliver_one` pumps them, so
/// a run is repeated exactly. Callbacks run inside `deliver_one` only, and may call anything here.
/// Threads: `send` from any; the rest from one.
class InProcessNetwork {
 public:
  InProcessNetwork();
  ~InProcessNetwork();

  /// The coordinator's end. Nothing is delivered before `start`.
  ServerChannel& server();
  void start(ServerChannel::OnFrame on_frame);

  /// A new connection, dropped when the channel is destroyed; queues kConnected.
  std::unique_ptr<ClientChannel> connect(ClientId client,
                                         ClientChannel::OnFrame on_frame,
                                         ClientChannel::OnLink on_link = {});

  /// Asked once for every frame when its turn comes; an empty function is kNone.
  void set_fault(std::function<Fault(const wire::Frame&)> fault);

  /// Handles the next event of the queue. Returns false if there was none.
  bool deliver_one();
  /// Until the queue is empty. Returns the number of events.
  std::size_t deliver_all();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lorae::transport
