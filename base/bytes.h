#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lorae {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

/// The bytes of a trivially copyable array, in the machine's order (little-endian everywhere we
/// run).
template <typename T>
ByteView bytes_of(std::span<const T> values) {
  return std::as_bytes(values);
}

inline ByteView view_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes copy_of(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

inline void append(Bytes& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);

/// "812 B", "26.8 kB", "1.23 MB": powers of 1000, three digits.
std::string human_bytes(double bytes);

/// A number of bytes that a person may write with a unit.
struct ByteCount {
  std::int64_t value = 0;

  auto operator<=>(const ByteCount&) const = default;
};

/// "2 kB", "1.5MB", "800 B": powers of 1000 and whole bytes. Nothing for other texts, and for more
/// than 1000 TB.
std::optional<ByteCount> parse_byte_count(std::string_view text);

}  // namespace lorae
