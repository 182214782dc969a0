#pragma once

#include <cstdint>
#include <map>

#include "aggregation/aggregator.h"
#include "aggregation/weighted_mean.h"

namespace lorae::aggregation {

/// FedIT's mean for clients of different ranks: each component of an adapter is averaged over the
/// clients that train it, not over those that leave it as it is. What is no factor is averaged over
/// all. A client's rank is told by its update: behind it no component of any layer has changed.
/// Formula: of component j sum_k n_k delta_k,j / sum_{k: rank_k > j} n_k. Memory: FactorMean's.
/// Source: raFLoRA (arXiv:2602.13486), there for partitions of ranks.
class RankMean final : public Aggregator {
 public:
  void add(const ClientUpdate& update) override;
  bool merge(const Aggregator& part) override;
  Aggregate finish() override;

 private:
  WeightedMean mean_;
  std::map<std::int64_t, std::int64_t> weights_;  // of the clients of each rank
};

}  // namespace lorae::aggregation
