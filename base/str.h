#pragma once

#include <sstream>
#include <string>

namespace lorae {

/// Concatenates anything that can be streamed: str("rank ", 8) == "rank 8".
template <typename... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

}  // namespace lorae
