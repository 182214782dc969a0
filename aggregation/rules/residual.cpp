#include "aggregation/rules/residual.h"

#include "adapters/policy.h"
#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {

WithResidual::WithResidual(const RuleOptions& options) : residual_rank_(options.residual_rank) {
  check(residual_rank_ > 0, ErrorCode::kInvalidConfig, "[aggregation] the rule '",
        options.aggregation, "' needs adapters with a residual_rank above 0");
}

Aggregate WithResidual::finish() {
  const torch::NoGradGuard no_grad;
  Aggregate result{kept_.mean(), {}};
  for (const adapters::Pair& pair : kept_.pairs()) {
    const LowRank base = kept_.base_product(pair);
    const LowRank mean{base.left + pair.columns(result.pseudo_gradient),
                       base.right + pair.rows(result.pseudo_gradient)};
    const std::int64_t all = base.right.size(1);
    const std::int64_t residual = adapters::share_of_rank(residual_rank_, pair.groups);
    const std::int64_t own = all - residual;
    const LowRank next = trained(components(base, 0, own), components(mean, 0, own));
    const LowRank missing = sum(kept_.mean_product(pair, own), scaled(next, -1));
    const LowRank rest = turned(truncated(missing, residual), components(base, own, all));
    lead_to(sum(next, rest), base, pair, result.pseudo_gradient);
  }
  kept_.clear();
  return result;
}

LowRank Residual::trained(const LowRank& /*base*/, const LowRank& mean) const {
  return mean;
}

LowRank Stacking::trained(const LowRank& base, const LowRank& /*mean*/) const {
  return {torch::zeros_like(base.left), base.right};
}

}  // namespace lorae::aggregation
