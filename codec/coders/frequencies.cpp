#include "codec/coders/frequencies.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace lorae::codec {

Frequencies::Frequencies(std::span<const std::uint16_t> first) : size_(first.size()) {
  std::ranges::copy(first, counts_.begin());
}

void Frequencies::make_tables() {
  std::uint32_t all = std::accumulate(counts_.begin(), counts_.end(), 0U);
  if (all > kMost) {
    for (std::size_t i = 0; i < size_; ++i) {
      counts_[i] = static_cast<std::uint16_t>(counts_[i] - counts_[i] / 2);  // stays above 0
    }
    all = std::accumulate(counts_.begin(), counts_.end(), 0U);
  }
  // Each has at least one slot; the likeliest gets what rounding leaves.
  const auto spread = static_cast<std::uint32_t>(kAll - size_);
  std::uint32_t left = kAll;
  std::size_t likeliest = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    shares_[i].size = static_cast<std::uint16_t>(1 + counts_[i] * spread / all);
    left -= shares_[i].size;
    likeliest = counts_[i] > counts_[likeliest] ? i : likeliest;
  }
  shares_[likeliest].size = static_cast<std::uint16_t>(shares_[likeliest].size + left);
  std::uint16_t start = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    shares_[i].start = start;
    std::memset(tokens_.data() + start, static_cast<int>(i), shares_[i].size);
    start = static_cast<std::uint16_t>(start + shares_[i].size);
  }
  left_ = std::max(all / kOne / 8, 4U);
}

}  // namespace lorae::codec
