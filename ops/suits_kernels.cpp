#include "ops/suits_kernels.h"

namespace lorae::ops {

bool suits_kernels(const at::Tensor& t) {
  return t.scalar_type() == at::kFloat && t.device().is_cpu() && t.is_contiguous();
}

}  // namespace lorae::ops
