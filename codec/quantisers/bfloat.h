#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace lorae::codec {

/// The upper half of a float32: its range, with 8 bits of precision.
/// Rounds to nearest, ties to even; what would round to infinity becomes the largest one.
inline std::uint16_t bfloat_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const std::uint32_t rounded = (magnitude + 0x7fffU + (magnitude >> 16U & 1U)) >> 16U;
  return static_cast<std::uint16_t>(bits >> 16U & 0x8000U) |
         static_cast<std::uint16_t>(std::min(rounded, std::uint32_t{0x7f7f}));
}

/// The same for a positive scale, never rounded down but from beyond the largest one.
inline std::uint16_t bfloat_above(float scale) {
  const std::uint32_t rounded = (std::bit_cast<std::uint32_t>(scale) + 0xffffU) >> 16U;
  return static_cast<std::uint16_t>(std::min(rounded, std::uint32_t{0x7f7f}));
}

/// Exact.
inline float float_of_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

/// A scale in two bytes of a payload.
inline void append_scale(Bytes& to, std::uint16_t scale) {
  append(to, bytes_of(std::span<const std::uint16_t>(&scale, 1)));
}

/// The scale that `bytes` begin with. Precondition: there are two of them.
inline float scale_in(ByteView bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  return float_of_bfloat(bits);
}

}  // namespace lorae::codec
