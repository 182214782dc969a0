#include "aggregation/server_sgd.h"

#include "tensors/torch.h"

namespace lorae::aggregation {

void ServerSgd::step_(const StateDict& global, const StateDict& pseudo_gradient) {
  check_aligned(global, pseudo_gradient);
  if (velocity_.empty()) {
    std::vector<StateDict::Entry> zeros;
    for (const auto& [name, tensor] : global) {
      zeros.emplace_back(name, torch::zeros_like(tensor));
    }
    velocity_ = StateDict(std::move(zeros));
  }
  check_aligned(global, velocity_);
  const torch::NoGradGuard no_grad;
  auto velocity = velocity_.begin();
  auto gradient = pseudo_gradient.begin();
  for (const auto& [name, tensor] : global) {
    at::Tensor v = (velocity++)->second;
    at::Tensor weights = tensor;
    v.copy_(v.to(c10::kDouble) * options_.momentum + (gradient++)->second);
    weights.copy_(weights.to(c10::kDouble) + v.to(c10::kDouble) * options_.learning_rate);
  }
}

}  // namespace lorae::aggregation
