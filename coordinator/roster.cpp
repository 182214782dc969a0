#include "coordinator/roster.h"

#include <algorithm>

#include "base/seed.h"

namespace lorae::coordinator {

Roster::Joined Roster::join(const ClientId& client,
                            std::uint64_t nonce,
                            transport::ConnectionId connection,
                            TimePoint now) {
  Joined joined;
  const auto known = members_.find(client);
  if (known != members_.end() && known->second.nonce != nonce &&
      known->second.connection != connection) {
    joined.replaced = known->second;
  }
  const std::uint64_t session = Seed{epoch_}.derive("session", client.name, nonce).value;
  joined.member = {std::max<std::uint64_t>(session, 1), nonce, connection, now};
  members_[client] = joined.member;
  return joined;
}

const Roster::Member* Roster::find(const ClientId& client, std::uint64_t session, TimePoint now) {
  const auto known = members_.find(client);
  if (known == members_.end() || known->second.session != session) {
    return nullptr;
  }
  known->second.heard = now;
  return &known->second;
}

const Roster::Member* Roster::find(const ClientId& client) const {
  const auto known = members_.find(client);
  return known == members_.end() ? nullptr : &known->second;
}

std::vector<ClientId> Roster::present(TimePoint now, Duration patience) {
  std::erase_if(members_, [&](const auto& entry) { return now - entry.second.heard > patience; });
  std::vector<ClientId> clients;
  clients.reserve(members_.size());
  for (const auto& [client, member] : members_) {
    clients.push_back(client);
  }
  return clients;
}

}  // namespace lorae::coordinator
