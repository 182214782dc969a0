#pragma once

#include <limits>
#include <map>
#include <vector>

#include "adapters/pairs.h"
#include "aggregation/aggregator.h"
#include "aggregation/low_rank.h"
#include "aggregation/weighted_mean.h"

namespace lorae::aggregation {

/// What rules over products of factors have in common: the factors of all clients, kept until the
/// round ends, in the order of the clients' names, so that the order of arrival does not matter;
/// and the exact mean of everything.
class KeptUpdates {
 public:
  void begin(const StateDict& base);
  /// Errors: as WeightedMean::add; kInvalidArgument without a base.
  void add(const ClientUpdate& update);
  /// Adds what `part` has added, from the same base. Errors: as WeightedMean::merge.
  void merge(const KeptUpdates& part);
  /// The mean of all tensors; what was kept stays for the questions below. Errors: kInvalidArgument
  /// if nothing was added.
  StateDict mean();
  /// For the next round of the same base, or of another.
  void clear() { factors_.clear(); }

  const std::vector<adapters::Pair>& pairs() const { return pairs_; }
  /// The factors of the global state that the round started from.
  LowRank base_product(const adapters::Pair& pair) const { return product_of(pair, base_); }
  /// The weighted mean of the clients' products B A of a layer, as factors side by side; of the
  /// components behind the first `moving` the base's, once, whatever a client says of them.
  /// Formula: sum_k w_k (B + dB_k) (A + dA_k), sum of w = 1.
  LowRank mean_product(const adapters::Pair& pair,
                       std::int64_t moving = std::numeric_limits<std::int64_t>::max()) const;

 private:
  static LowRank product_of(const adapters::Pair& pair, const StateDict& state);

  StateDict base_;
  std::vector<adapters::Pair> pairs_;
  WeightedMean mean_;
  std::map<ClientId, std::pair<std::int64_t, StateDict>> factors_;  // weight and deltas
};

/// `step` with the factors of `pair` replaced by those that lead from the base to `product`.
void lead_to(const LowRank& product,
             const LowRank& base,
             const adapters::Pair& pair,
             StateDict& step);

}  // namespace lorae::aggregation
