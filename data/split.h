#pragma once

#include <cstdint>
#include <vector>

#include "base/seed.h"

namespace lorae::data {

/// Which images the world has seen, and which stay with the clients. Both sorted.
struct DomainSplit {
  std::vector<std::int64_t> public_indices;
  std::vector<std::int64_t> private_indices;
};

/// Draws two disjoint sets out of n images. The public set depends only on `n`, `public_count` and
/// the seed, so experiments that vary the private one share a backbone.
/// Errors: kInvalidConfig if a count is negative or there are not enough images for both.
DomainSplit split_domain(std::int64_t n,
                         std::int64_t public_count,
                         std::int64_t private_count,
                         Seed seed);

}  // namespace lorae::data
