#pragma once

#include "adapters/conv2d.h"

namespace lorae::adapters {

/// conv(x) * scale + bias with the adapter in it, as Conv2d::forward, for training the adapter
/// alone: one convolution forward and one backward, as inference would do them, and two thin ones
/// for the gradients of extractor and mapper. No gradient of the frozen weight is formed, and
/// nothing but `x` is kept for the backward pass.
/// Formula: G = dy * scale * scaling; dB = G (A x)^T, dA = (B^T G) x^T, dx = W_eff^T dy * scale.
/// Precondition: one group; weight, `scale` and `bias` need no gradient. `conv.bias` is not used.
at::Tensor train_conv(const Conv2d& conv,
                      const at::Tensor& x,
                      const at::Tensor& scale,
                      const at::Tensor& bias);

}  // namespace lorae::adapters
