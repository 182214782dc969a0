#pragma once

#include <functional>
#include <string>

#include "base/ids.h"
#include "wire/frame.h"

namespace lorae::transport {

/// One connection of one peer to a coordinator; never reused, never sent to anybody.
/// Counted from 1; 0 is nobody.
struct ConnectionId : NumberId<ConnectionId> {
  using NumberId::NumberId;
};

/// What a client learns about its connection besides frames.
enum class LinkEvent {
  kConnected,     ///< handshake done: frames flow
  kDisconnected,  ///< the transport dials again by itself
  kDenied,        ///< the coordinator does not know our key (not enrolled, or revoked)
  kWrongServer,   ///< the peer does not hold the coordinator key that we pinned
};

/// The coordinator's end: receives frames of many clients, sends to any of them.
class ServerChannel {
 public:
  /// `client` is the authenticated identity: the name enrolled for the peer's key.
  using OnFrame = std::function<void(ConnectionId, const ClientId& client, wire::Frame)>;

  virtual ~ServerChannel() = default;

  /// Queues a frame. A frame that cannot be delivered (peer gone or stalled) is dropped: peers
  /// recover by asking again. Threads: any.
  virtual void send(ConnectionId to, wire::Frame frame) = 0;
};

/// A client's end of one connection.
class ClientChannel {
 public:
  using OnFrame = std::function<void(wire::Frame)>;
  using OnLink = std::function<void(LinkEvent, const std::string& detail)>;

  virtual ~ClientChannel() = default;

  /// As ServerChannel::send; nothing is queued while the connection is down.
  virtual void send(wire::Frame frame) = 0;
};

}  // namespace lorae::transport
