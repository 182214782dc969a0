#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/channel.h"

namespace lorae::transport {

/// Names the connections of a ROUTER: routing ids, which are secret and may come back, on one
/// side; ConnectionIds, which are neither, on the other.
///
/// A ROUTER does not tell when a peer leaves. So a client may have `per_client` connections, and
/// one more makes its least recently heard one be forgotten: the table never holds more than
/// `per_client` times the active clients, and nobody can push out somebody else.
class ConnectionTable {
 public:
  explicit ConnectionTable(std::size_t per_client) : per_client_(per_client) {}

  /// The connection of a frame just received. The same route under another client's name, or
  /// after it was forgotten, is another connection.
  ConnectionId heard(const std::string& route, const ClientId& client);

  /// Null if the connection is unknown or forgotten.
  const std::string* route(ConnectionId connection) const;

  void forget(ConnectionId connection);
  /// Forgets the connections of clients that `keep` does not hold for.
  void retain(const std::function<bool(const ClientId&)>& keep);

  std::size_t size() const noexcept { return peers_.size(); }

 private:
  struct Peer {
    std::string route;
    ClientId client;
  };

  const std::size_t per_client_;
  std::uint64_t made_ = 0;
  std::map<ConnectionId, Peer> peers_;
  std::unordered_map<std::string, ConnectionId> by_route_;
  std::map<ClientId, std::vector<ConnectionId>> by_client_;  // least recently heard first
};

}  // namespace lorae::transport
