#pragma once

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace lorae {

/// The name under which a client is enrolled: 1 to 64 of [A-Za-z0-9._-]. The registry maps its
/// key to it, so code above the transport never sees keys.
struct ClientId {
  std::string name;

  auto operator<=>(const ClientId&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const ClientId& id) {
  return out << id.name;
}

/// True if `name` may be a ClientId.
inline bool is_client_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 64 && name.front() != '.' &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// A number that tells things of one kind apart: `Id` derives from NumberId<Id>. Ids of two kinds
/// do not mix, and a number becomes an id, or an id a number, only where the code says so.
template <typename Id>
struct NumberId {
  std::uint64_t value = 0;

  constexpr NumberId() = default;
  constexpr explicit NumberId(std::uint64_t number) : value(number) {}

  auto operator<=>(const NumberId&) const = default;
};

template <typename Id>
std::ostream& operator<<(std::ostream& out, NumberId<Id> id) {
  return out << id.value;
}

/// One select-train-collect-aggregate-broadcast cycle, counted from 1.
/// Also the version of a global model: version v is what round v produced, 0 the first one.
struct RoundId : NumberId<RoundId> {
  using NumberId::NumberId;

  RoundId next() const { return RoundId{value + 1}; }
};

/// A client's stay with a coordinator, from its Welcome on; 0 is none.
struct SessionId : NumberId<SessionId> {
  using NumberId::NumberId;
};

}  // namespace lorae
