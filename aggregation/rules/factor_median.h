#pragma once

#include <vector>

#include "aggregation/aggregator.h"

namespace lorae::aggregation {

/// The median of each number over the clients: fewer than half of them may send anything. Weights
/// do not count. Keeps the updates of a round: clients times the model in memory.
/// Formula: of n sorted values the middle one, or the mean of the two in the middle.
/// Source: Yin et al. 2018, "Byzantine-Robust Distributed Learning" (arXiv:1803.01498),
///         definition 1.
class FactorMedian final : public Aggregator {
 public:
  void add(const ClientUpdate& update) override;
  Aggregate finish() override;

 private:
  std::vector<StateDict> deltas_;
};

}  // namespace lorae::aggregation
