#pragma once

#include "tensors/state_dict.h"
#include "training/optimizer.h"

namespace lorae::training {

/// Keeps the small gradients of float16 from vanishing: the loss is scaled up before the backward
/// pass, the gradients down after it. A step whose gradients overflowed is left out, and the scale
/// halved; after kInterval good ones it is doubled. Threads: none.
/// Source: Micikevicius et al. 2018, "Mixed Precision Training" (arXiv:1710.03740); constants of
/// torch.cuda.amp.GradScaler.
class LossScaler {
 public:
  static constexpr std::int64_t kInterval = 2000;

  at::Tensor scaled(const at::Tensor& loss) const;

  /// Scales the gradients back. False if one is NaN or Inf: the step is to be left out. Waits for
  /// the device.
  bool unscale(const Optimizer& optimizer);

  double scale() const { return scale_; }

  StateDict state() const;
  /// Errors: kIncompatible for the state of something else.
  void restore(const StateDict& state);

 private:
  double scale_ = 65536;
  std::int64_t good_steps_ = 0;  // since the scale changed
};

}  // namespace lorae::training
