#pragma once

#include <vector>

#include "tensors/state_dict.h"

namespace lorae::training {

/// Numbers of a parameter that stay as they are while the others are trained.
struct Held {
  at::Tensor parameter;
  at::Tensor which;  ///< bool, of its shape; on its device
};

/// What of the adapters in `trained` a device leaves as it is: the last components of each, as many
/// as LoraeOptions::residual_rank says; and, if `rank_max` is not 0, all behind the first so many.
std::vector<Held> held_components(const StateDict& trained,
                                  std::int64_t residual_rank,
                                  std::int64_t rank_max);

}  // namespace lorae::training
