#pragma once

#include <memory>

#include "aggregation/aggregator.h"

namespace lorae::aggregation {

/// How far `steps` of SGD with momentum lead, in plain ones of one gradient.
/// Formula: sum_k (1 - momentum^k) / (1 - momentum), k from 1 to steps: |a|_1 there.
double effective_steps(std::int64_t steps, double momentum);

/// FedNova around a plain mean: who takes more local steps has no more say for that. Each client's
/// change counts as its change of one step; the mean of these is taken as many times as clients
/// stepped on average.
/// Formula: (sum_k p_k tau_k) sum_k p_k delta_k / tau_k, p_k = n_k / sum n, tau_k local steps, with
/// momentum as many plain ones as lead so far: effective_steps. tau_k and n_k / tau_k are rounded
/// to 1 / 1024, so that the sums stay ones of integers, in any order.
/// Source: Wang et al. 2020 (arXiv:2007.07481), equation 6.
class NormalisedSteps final : public Aggregator {
 public:
  explicit NormalisedSteps(std::unique_ptr<Aggregator> rule) : rule_(std::move(rule)) {}

  /// n / tau in 1024ths; at least 1.
  static std::int64_t weight_of(const LocalWork& work);

  void begin(const StateDict& base) override;
  void add(const ClientUpdate& update) override;
  bool merge(const Aggregator& part) override;
  Aggregate finish() override;

 private:
  __extension__ using Wide = __int128;

  struct Sums {
    std::int64_t examples = 0, weights = 0;
    Wide steps = 0;  // in 1024ths, of a client as many times as it has examples
  };

  std::unique_ptr<Aggregator> rule_;
  Sums sums_;
};

}  // namespace lorae::aggregation
