#include "training/held.h"

#include <algorithm>
#include <map>

#include "adapters/pairs.h"
#include "adapters/policy.h"
#include "tensors/torch.h"

namespace lorae::training {

std::vector<Held> held_components(const StateDict& trained,
                                  std::int64_t residual_rank,
                                  std::int64_t rank_max) {
  std::vector<Held> held;
  if (residual_rank == 0 && rank_max == 0) {
    return held;
  }
  std::map<std::string, std::int64_t> residuals;
  for (const adapters::Pair& pair : adapters::pairs_of(trained)) {
    residuals[pair.extractor] = residuals[pair.mapper] =
        residual_rank == 0 ? 0 : adapters::share_of_rank(residual_rank, pair.groups);
  }
  for (const auto& [name, tensor] : trained) {
    const at::Tensor components = adapters::components_of(trained, name);
    if (!components.defined()) {
      continue;
    }
    const std::int64_t all = components.max().item<std::int64_t>() + 1;
    const std::int64_t own = all - residuals[name];
    const std::int64_t moving = rank_max == 0 ? own : std::min(rank_max, own);
    if (moving < all) {
      held.push_back({tensor, components.ge(moving).expand_as(tensor).to(tensor.device())});
    }
  }
  return held;
}

}  // namespace lorae::training
