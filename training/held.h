#pragma once

#include <vector>

#include "tensors/state_dict.h"

namespace lorae::training {

/// Numbers of a parameter that stay as they are while the others are trained.
struct Held {
  at::Tensor parameter;
  at::Tensor which;  ///< bool, of its shape; on its device
};

/// What of the adapters in `trained` a device leaves as it is that trains `rank_max` components of
/// each at most, the first ones; nothing for 0.
std::vector<Held> held_components(const StateDict& trained, std::int64_t rank_max);

}  // namespace lorae::training
