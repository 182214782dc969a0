#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string_view>

namespace lorae::data::testing {

/// A picture whose pixels a formula fills, as the golden values' ones were.
/// Formula: seed = FNV-1a of name, floor(256 u(i)), u(i) = (fmix32(seed + i 0x9E3779B9) >> 8) /
/// 2^24. Shape: uint8 [height, width, 3].
inline at::Tensor formula_image(std::string_view name, std::int64_t height, std::int64_t width) {
  std::uint32_t seed = 0x811C9DC5;
  for (const char c : name) {
    seed = (seed ^ static_cast<std::uint8_t>(c)) * 0x01000193U;
  }
  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  auto* out = image.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < image.numel(); ++i) {
    std::uint32_t x = seed + static_cast<std::uint32_t>(i) * 0x9E3779B9U;
    x = (x ^ (x >> 16)) * 0x85EBCA6BU;
    x = (x ^ (x >> 13)) * 0xC2B2AE35U;
    x ^= x >> 16;
    out[i] = static_cast<std::uint8_t>(x >> 24);
  }
  return image;
}

}  // namespace lorae::data::testing
