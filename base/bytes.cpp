#include "base/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace lorae {
namespace {

constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};  // by 1000

}  // namespace

std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += kDigits[value >> 4U];
    text += kDigits[value & 15U];
  }
  return text;
}

std::string human_bytes(double bytes) {
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || bytes >= 99.95 ? 0 : (bytes >= 9.995 ? 1 : 2);
  return fmt::format("{:.{}f} {}", bytes, decimals, kUnits[unit]);
}

std::optional<ByteCount> parse_byte_count(std::string_view text) {
  constexpr double kMost = 1e15;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto unit = std::ranges::find(kUnits, text);
  if (error != std::errc() || unit == kUnits.end()) {
    return std::nullopt;
  }
  const double bytes = std::round(number * std::pow(1000.0, unit - kUnits.begin()));
  return bytes >= 0 && bytes <= kMost ? std::optional(ByteCount{static_cast<std::int64_t>(bytes)})
                                      : std::nullopt;
}

}  // namespace lorae
