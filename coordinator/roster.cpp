#include "coordinator/roster.h"

#include <algorithm>

#include "base/seed.h"

namespace lorae::coordinator {

Roster::Joined Roster::join(const ClientId& client, Member member) {
  Joined joined;
  const auto known = members_.find(client);
  if (known != members_.end() && known->second.nonce != member.nonce &&
      known->second.connection != member.connection) {
    joined.replaced = known->second;
  }
  const std::uint64_t session = Seed{epoch_}.derive("session", client.name, member.nonce).value;
  member.session = SessionId{std::max<std::uint64_t>(session, 1)};
  joined.member = member;
  members_[client] = member;
  return joined;
}

const Roster::Member* Roster::find(const ClientId& client, SessionId session, TimePoint now) {
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

void Roster::holds(const ClientId& client, RoundId version) {
  if (const auto known = members_.find(client); known != members_.end()) {
    known->second.held_version = version;
  }
}

void Roster::assigned(const ClientId& client) {
  if (const auto known = members_.find(client); known != members_.end()) {
    known->second.assigned = true;
  }
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
