#include "codec/values.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace lorae::codec {

bool all_finite(std::span<const float> values) {
  // Infinities and NaN have all bits of the exponent set. No early end, so that this vectorises.
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t not_finite = 0;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    not_finite |= (bits & kExponent) == kExponent ? 1U : 0U;
  }
  return not_finite == 0;
}

bool all_finite(const Blocks& blocks) {
  return std::all_of(blocks.begin(), blocks.end(),
                     [](const Block& block) { return all_finite(std::span(block.values)); });
}

void subtract(std::span<const float> a, std::span<const float> b, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = a[i] - b[i];
  }
}

void check_aligned(const Blocks& a, const Blocks& b) {
  check(a.size() == b.size(), ErrorCode::kInvalidArgument, "[codec] expected ", b.size(),
        " blocks, got ", a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    check(a[i].name == b[i].name && a[i].values.size() == b[i].values.size(),
          ErrorCode::kInvalidArgument, "[codec] '", a[i].name, "' does not match '", b[i].name,
          "'");
  }
}

Blocks subtract(const Blocks& a, const Blocks& b) {
  check_aligned(a, b);
  Blocks difference;
  difference.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const BlockShape& shape = a[i];
    Block& block = difference.emplace_back(Block{shape, std::vector<float>(a[i].values.size())});
    subtract(a[i].values, b[i].values, block.values);
  }
  return difference;
}

void subtract_(Blocks& a, const Blocks& b) {
  check_aligned(a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    subtract(a[i].values, b[i].values, a[i].values);
  }
}

}  // namespace lorae::codec
