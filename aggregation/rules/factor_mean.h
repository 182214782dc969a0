#pragma once

#include "aggregation/aggregator.h"
#include "aggregation/weighted_mean.h"

namespace lorae::aggregation {

/// FedAvg's weighted mean of the deltas; over LoRAE factors it is FedIT. One accumulator of the
/// model's size, however many clients report.
/// Formula, Source: weighted_mean.h.
class FactorMean final : public Aggregator {
 public:
  void add(const ClientUpdate& update) override { mean_.add(update.delta, update.weight); }
  bool merge(const Aggregator& part) override;
  Aggregate finish() override;

 private:
  WeightedMean mean_;
};

}  // namespace lorae::aggregation
