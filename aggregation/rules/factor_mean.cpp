#include "aggregation/rules/factor_mean.h"

namespace lorae::aggregation {

bool FactorMean::merge(const Aggregator& part) {
  mean_.merge(dynamic_cast<const FactorMean&>(part).mean_);
  return true;
}

Aggregate FactorMean::finish() {
  Metrics report;
  if (const std::int64_t on_cuda = mean_.cuda_updates(); on_cuda > 0) {
    report.set("aggregation/cuda_updates", static_cast<double>(on_cuda));
  }
  return {mean_.finish(), std::move(report)};
}

}  // namespace lorae::aggregation
