#include "data/split.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace lorae::data {

DomainSplit split_domain(std::int64_t n,
                         std::int64_t public_count,
                         std::int64_t private_count,
                         Seed seed) {
  // Subtractions, so that absurd counts cannot overflow.
  check(public_count >= 0 && private_count >= 0 && public_count <= n &&
            private_count <= n - public_count,
        ErrorCode::kInvalidConfig, "[data] cannot take ", public_count, " public and ",
        private_count, " private images out of ", n, "; ask for fewer");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random = seed.derive("split_domain").random();
  random.shuffle(std::span(order));
  const auto first = order.begin();
  const auto middle = first + public_count;
  DomainSplit split{{first, middle}, {middle, middle + private_count}};
  std::ranges::sort(split.public_indices);
  std::ranges::sort(split.private_indices);
  return split;
}

}  // namespace lorae::data
