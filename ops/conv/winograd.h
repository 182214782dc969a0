#pragma once

#include "ops/conv/options.h"

namespace lorae::ops {

/// Convolutions of 3 x 3 taps by Winograd's F(4 x 4, 3 x 3), on one thread: a quarter of the
/// products, for maps and channels that repay its transforms. Rounding is that of a sum of numbers
/// some ten times as large: for training, not for results that are compared with others'.
/// Source: Lavin and Gray 2015, arXiv 1509.09308.

/// These functions can and are faster than a convolution as usual. `map`: the input or the output.
bool suits_winograd(const at::Tensor& weight, const Conv2dOptions& options, const at::Tensor& map);

/// As conv2d. Shapes: x [N, Cin, H, W], weight [Cout, Cin, 3, 3], bias [Cout] or undefined, all
/// float32 on the CPU. Preconditions: a stride and a dilation of 1, one group.
at::Tensor winograd(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    std::int64_t padding);

/// The gradient of x. Precondition: a padding of at most 2.
at::Tensor winograd_input_gradient(const at::Tensor& dy,
                                   const at::Tensor& weight,
                                   std::int64_t padding);

}  // namespace lorae::ops
