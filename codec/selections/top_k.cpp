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

/// The smallest magnitude that is kept, and how many of those that are as large.
struct Least {
  std::uint32_t magnitude = 0;
  std::size_t count = 0;
};

/// Precondition: 0 < kept <= changes.size().
Least least_of(std::span<const float> changes, std::size_t kept) {
  constexpr unsigned kBelow = 20;  // bits: 2048 buckets by exponent and the first bits behind it
  std::vector<std::size_t> counts(std::size_t{1} << (31 - kBelow));
  for (const float change : changes) {
    ++counts[magnitude_of(change) >> kBelow];
  }
  std::size_t bucket = counts.size() - 1, above = 0;
  for (; above + counts[bucket] < kept; --bucket) {
    above += counts[bucket];
  }
  std::vector<std::uint32_t> inside;
  inside.reserve(counts[bucket]);
  for (const float change : changes) {
    if (magnitude_of(change) >> kBelow == bucket) {
      inside.push_back(magnitude_of(change));
    }
  }
  const auto last = inside.begin() + static_cast<std::ptrdiff_t>(kept - above) - 1;
  std::ranges::nth_element(inside, last, std::ranges::greater());
  return {*last, static_cast<std::size_t>(std::count(inside.begin(), last + 1, *last))};
}

}  // namespace

void TopK::thin_(std::span<float> changes) const {
  const auto all = static_cast<double>(changes.size());
  const auto kept = static_cast<std::size_t>(std::ceil(density_ * all));
  if (kept >= changes.size()) {
    return;
  }
  auto [least, equals] = least_of(changes, kept);
  for (float& change : changes) {
    const std::uint32_t magnitude = magnitude_of(change);
    const bool keep = magnitude > least || (magnitude == least && equals > 0);
    equals -= keep && magnitude == least ? 1 : 0;
    change = keep ? change : 0.0F;
  }
}

}  // namespace lorae::codec
