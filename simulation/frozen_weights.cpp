#include "simulation/frozen_weights.h"

#include "tensors/torch.h"

namespace lorae::simulation {

void FrozenWeights::share(models::Model& model) {
  constexpr std::int64_t kKernel = 4;  // dimensions
  const torch::NoGradGuard no_grad;
  const std::lock_guard lock(mutex_);
  for (const models::NamedSlot& slot : model.slots()) {
    at::Tensor& own = *slot.tensor;
    if (own.dim() != kKernel || own.requires_grad()) {
      continue;
    }
    at::Tensor& kept = kept_[{slot.name, own.device().str()}];
    const bool same = kept.defined() && kept.dtype() == own.dtype() &&
                      kept.sizes() == own.sizes() && at::equal(kept, own);
    if (!same) {
      kept = own;
    } else {
      own = kept.variable_data();  // the same memory, but no gradient or version in common
    }
  }
}

}  // namespace lorae::simulation
