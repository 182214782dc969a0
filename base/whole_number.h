#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace lorae {

/// A decimal number that is all of `text`, and fits.
inline std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, status] = std::from_chars(text.data(), end, number);
  return status == std::errc() && stopped == end ? std::optional(number) : std::nullopt;
}

}  // namespace lorae
