#include "base/skew.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lorae {
namespace {

using Counts = std::vector<std::int64_t>;

double total(const Counts& counts) {
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
}

double share_of(const Counts& counts, std::size_t k) {
  return k < counts.size() ? static_cast<double>(counts[k]) / total(counts) : 0;
}

}  // namespace

double skew_of(const std::vector<std::vector<std::int64_t>>& counts) {
  Counts all;
  for (const Counts& own : counts) {
    all.resize(std::max(all.size(), own.size()));
    std::transform(own.begin(), own.end(), all.begin(), all.begin(), std::plus<>());
  }
  double sum = 0;
  std::int64_t clients = 0;
  for (const Counts& own : counts) {
    if (total(own) == 0) {
      continue;
    }
    ++clients;
    for (std::size_t k = 0; k < all.size(); ++k) {
      sum += std::abs(share_of(own, k) - share_of(all, k)) / 2;
    }
  }
  return clients == 0 ? 0 : sum / static_cast<double>(clients);
}

}  // namespace lorae
