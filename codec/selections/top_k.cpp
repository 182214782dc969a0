#include "codec/selections/top_k.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace lorae::codec {
namespace {

/// The order of magnitudes is that of their patterns.
std::uint32_t magnitude_of(float value) {
  return std::bit_cast<std::uint32_t>(value) & 0x7fffffffU;
}

}  // namespace

void TopK::thin_(std::span<float> changes) const {
  const auto all = static_cast<double>(changes.size());
  const auto kept = static_cast<std::size_t>(std::ceil(density_ * all));
  if (kept >= changes.size()) {
    return;
  }
  std::vector<std::uint32_t> magnitudes(changes.size());
  std::ranges::transform(changes, magnitudes.begin(), magnitude_of);
  const auto last = magnitudes.begin() + static_cast<std::ptrdiff_t>(kept) - 1;
  std::ranges::nth_element(magnitudes, last, std::ranges::greater());
  const std::uint32_t least = *last;
  // Of those that are as large as the least one, so many are kept.
  auto equals = std::count(magnitudes.begin(), last + 1, least);
  for (float& change : changes) {
    const std::uint32_t magnitude = magnitude_of(change);
    const bool keep = magnitude > least || (magnitude == least && equals-- > 0);
    change = keep ? change : 0.0F;
  }
}

}  // namespace lorae::codec
