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

/// One select-train-collect-aggregate-broadcast cycle, counted from 1.
/// Also the version of a global model: version v is what round v produced, 0 the first one.
using RoundId = std::uint64_t;

}  // namespace lorae
