#include "transport/connection_table.h"

#include <algorithm>

namespace lorae::transport {

ConnectionId ConnectionTable::heard(const std::string& route, const ClientId& client) {
  const auto known = by_route_.find(route);
  if (known != by_route_.end()) {
    const ConnectionId connection = known->second;
    if (peers_.at(connection).client == client) {
      auto& order = by_client_.at(client);
      const auto place = std::find(order.begin(), order.end(), connection);
      std::rotate(place, place + 1, order.end());
      return connection;
    }
    forget(connection);
  }
  if (const auto order = by_client_.find(client);
      order != by_client_.end() && order->second.size() >= per_client_) {
    forget(order->second.front());
  }
  const ConnectionId connection{++made_};
  peers_[connection] = {route, client};
  by_route_[route] = connection;
  by_client_[client].push_back(connection);
  return connection;
}

const std::string* ConnectionTable::route(ConnectionId connection) const {
  const auto peer = peers_.find(connection);
  return peer == peers_.end() ? nullptr : &peer->second.route;
}

void ConnectionTable::forget(ConnectionId connection) {
  const auto peer = peers_.find(connection);
  if (peer == peers_.end()) {
    return;
  }
  const auto order = by_client_.find(peer->second.client);
  std::erase(order->second, connection);
  if (order->second.empty()) {
    by_client_.erase(order);
  }
  by_route_.erase(peer->second.route);
  peers_.erase(peer);
}

void ConnectionTable::retain(const std::function<bool(const ClientId&)>& keep) {
  std::vector<ConnectionId> gone;
  for (const auto& [client, connections] : by_client_) {
    if (!keep(client)) {
      gone.insert(gone.end(), connections.begin(), connections.end());
    }
  }
  for (const ConnectionId connection : gone) {
    forget(connection);
  }
}

}  // namespace lorae::transport
