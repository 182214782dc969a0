#pragma once

#include <vector>

#include "base/ids.h"
#include "base/seed.h"

namespace lorae::coordinator {

/// The cohort of a round: `size` of the ready clients (all if 0 or more than there are), each
/// equally likely, sorted. Depends on the seed, the round and the set of clients, not on the order
/// in which they came.
std::vector<ClientId> select_cohort(std::vector<ClientId> ready,
                                    std::size_t size,
                                    RoundId round,
                                    Seed seed);

}  // namespace lorae::coordinator
