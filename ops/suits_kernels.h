#pragma once

#include <ATen/core/Tensor.h>

namespace lorae::ops {

/// Whether the loops of loops/kernels.h can work on it: float32, contiguous, on the CPU.
bool suits_kernels(const at::Tensor& t);

}  // namespace lorae::ops
