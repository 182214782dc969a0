#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lorae::ops {

/// A square max-pool, as at::max_pool2d without dilation and with floor. In training it keeps which
/// tap was the largest, a byte for each output; LibTorch keeps the whole input and eight bytes.
/// Ties go to the first tap, NaN wins, as there.
/// Shape: [N, C, H, W] in, [N, C, H', W'] out. Precondition: kernel <= 15, padding <= kernel / 2.
at::Tensor max_pool(const at::Tensor& x,
                    std::int64_t kernel,
                    std::int64_t stride,
                    std::int64_t padding);

}  // namespace lorae::ops
