#pragma once

#include "aggregation/rules/product_mean.h"

namespace lorae::aggregation {

/// Rules that lose nothing of the mean of the clients' products B A: what the components that
/// clients train do not hold of it goes into those that they do not, RuleOptions::residual_rank of
/// each adapter, as the nearest product of that rank, in the gauge of the one before. So it is
/// exact where that rank suffices: at the latest where it is the smaller side of every weight. What
/// is no factor is averaged. Memory and step: as ProductMean.
class WithResidual : public OverProducts {
 public:
  /// Errors: kInvalidConfig for a residual_rank of 0.
  explicit WithResidual(const RuleOptions& options);

  Aggregate finish() override;

 private:
  /// Of a layer, what clients go on from in the components that they train. `base`: what they went
  /// on from in this round; `mean`: of the factors that they sent.
  virtual LowRank trained(const LowRank& base, const LowRank& mean) const = 0;

  std::int64_t residual_rank_;
};

/// Clients go on from the mean of the factors; the residual makes up for what the product of means
/// is not. Source: FedEx-LoRA, Singhal et al. 2024 (arXiv:2410.09432), whose residual goes into the
/// frozen weight, or is truncated to a rank.
class Residual final : public WithResidual {
  using WithResidual::WithResidual;
  LowRank trained(const LowRank& base, const LowRank& mean) const override;
};

/// All that was learned goes into the residual, and clients begin again: from a mapper of zeros, on
/// the extractor that they had. Source: FLoRA, Wang et al. 2024 (arXiv:2409.05976), which adds the
/// stacked factors to the frozen weight and draws new extractors.
class Stacking final : public WithResidual {
  using WithResidual::WithResidual;
  LowRank trained(const LowRank& base, const LowRank& mean) const override;
};

}  // namespace lorae::aggregation
