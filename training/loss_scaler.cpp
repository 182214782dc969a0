#include "training/loss_scaler.h"

#include <cmath>

#include "tensors/torch.h"

namespace lorae::training {

at::Tensor LossScaler::scaled(const at::Tensor& loss) const {
  return loss * scale_;
}

bool LossScaler::unscale(const Optimizer& optimizer) {
  const std::vector<at::Tensor> gradients = optimizer.gradients();
  if (!gradients.empty()) {
    at::_foreach_mul_(gradients, 1 / scale_);
  }
  const at::Tensor norm = optimizer.gradient_norm();
  if (norm.defined() && !std::isfinite(norm.item<double>())) {
    scale_ /= 2;
    good_steps_ = 0;
    return false;
  }
  if (++good_steps_ == kInterval) {
    scale_ *= 2;
    good_steps_ = 0;
  }
  return true;
}

StateDict LossScaler::state() const {
  return StateDict({{"scale", torch::tensor({scale_}, torch::kFloat64)},
                    {"good_steps", torch::tensor({good_steps_}, torch::kInt64)}});
}

void LossScaler::restore(const StateDict& state) {
  scale_ = state.at("scale").item<double>();
  good_steps_ = state.at("good_steps").item<std::int64_t>();
}

}  // namespace lorae::training
