#include "aggregation/kernels.h"

#include <cmath>

namespace lorae::aggregation {

void accumulate_(double* sum, const float* delta, double weight, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    sum[i] = std::fma(weight, static_cast<double>(delta[i]), sum[i]);
  }
}

}  // namespace lorae::aggregation
