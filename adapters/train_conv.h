#pragma once

#include "adapters/conv2d.h"

namespace lorae::adapters {

/// conv(x) * scale + bias as Conv2d::forward, with its adapter if it has one, where the weight is
/// frozen: one convolution forward and one back to the input, by winograd.h where that pays, and
/// what the adapter's gradients need (low_rank_gradients). No gradient of the frozen weight is
/// formed. Without an adapter nothing is kept for the backward pass, else `x` or what it is made of
/// (remake.h); of an adapter whose extractor needs no gradient A x alone, r channels. `branch`: the
/// adapter as a branch beside the frozen convolution, not merged into its weight; for maps so small
/// that merging costs more than the branch. Formula: G = dy * scale * scaling; dB = G (A x)^T, dA =
/// (B^T G) x^T, dx = W_eff^T dy * scale. Precondition: weight, `scale` and `bias` need no gradient;
/// one group if there is an adapter. `conv.bias` is not used.
at::Tensor train_conv(const Conv2d& conv,
                      const at::Tensor& x,
                      const at::Tensor& scale,
                      const at::Tensor& bias,
                      bool branch);

}  // namespace lorae::adapters
