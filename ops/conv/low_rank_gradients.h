#pragma once

#include "ops/conv/options.h"
#include "ops/maps/remake.h"

namespace lorae::ops {

/// What the backward pass of an adapter gives, less the gradient of its input.
struct LowRankGradients {
  at::Tensor extractor;  ///< as A
  at::Tensor mapper;     ///< [Cout, r], without what the mapper is scaled by
};

/// The gradients of extractor A and mapper B of one convolution, from its input and its outputs'
/// gradient, each read once or twice; a few rows of the maps are in use at a time, and no map is
/// made, not even the input where it is to be made again.
/// Formula: dB = sum dy (A x)^T, dA = sum (B^T dy) x^T.
/// Shapes: x [N, Cin, H, W] float32 on the CPU; dy [N, Cout, H', W'], contiguous; extractor
/// [r, Cin, k, k]; mapper [Cout, r], with its scaling in it; one group.
LowRankGradients low_rank_gradients(const Sources& x,
                                    const at::Tensor& dy,
                                    const at::Tensor& extractor,
                                    const at::Tensor& mapper,
                                    const Conv2dOptions& geometry);

}  // namespace lorae::ops
