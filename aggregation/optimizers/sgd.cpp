#include "aggregation/optimizers/sgd.h"

#include "tensors/torch.h"

namespace lorae::aggregation {

void Sgd::step_(const StateDict& global, const StateDict& pseudo_gradient) {
  check_aligned(global, pseudo_gradient);
  const torch::NoGradGuard no_grad;
  if (velocity_.empty()) {
    velocity_ = map(global, [](const at::Tensor& weights) { return torch::zeros_like(weights); });
  }
  check_aligned(global, velocity_);
  for_each_aligned(
      [&](at::Tensor weights, const at::Tensor& gradient, at::Tensor v) {
        v.copy_(v.to(c10::kDouble) * options_.momentum + gradient);
        weights.copy_(weights.to(c10::kDouble) + v.to(c10::kDouble) * options_.learning_rate);
      },
      global, pseudo_gradient, velocity_);
}

}  // namespace lorae::aggregation
