#include "training/held.h"

#include "adapters/pairs.h"
#include "tensors/torch.h"

namespace lorae::training {

std::vector<Held> held_components(const StateDict& trained, std::int64_t rank_max) {
  std::vector<Held> held;
  if (rank_max == 0) {
    return held;
  }
  for (const auto& [name, tensor] : trained) {
    const at::Tensor components = adapters::components_of(trained, name);
    if (components.defined() && components.max().item<std::int64_t>() >= rank_max) {
      held.push_back({tensor, components.ge(rank_max).expand_as(tensor).to(tensor.device())});
    }
  }
  return held;
}

}  // namespace lorae::training
