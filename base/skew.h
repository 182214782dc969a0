#pragma once

#include <cstdint>
#include <vector>

namespace lorae {

/// How far clients are from what all have together, in [0, 1): 0 if each has the same mix.
/// `counts`: of each client, how many it has of each class; a class that it does not reach is 0.
/// Formula: the mean over clients of 1/2 sum_k |p_k - q_k|, p a client's class histogram, q that of
///          all. Clients without any are left out.
double skew_of(const std::vector<std::vector<std::int64_t>>& counts);

}  // namespace lorae
