#pragma once

#include <memory>

#include "aggregation/aggregator.h"

namespace lorae::aggregation {

/// FedNova around another rule: who takes more local steps has no more say for that. Each client's
/// change counts as its change of one step; the mean of these is taken as many times as clients
/// stepped on average.
/// Formula: (sum_k p_k tau_k) sum_k p_k delta_k / tau_k, p_k = n_k / sum n, tau_k local steps.
/// n_k / tau_k is rounded to 1 / 1024, so that the sum stays one of integers, in any order.
/// Source: Wang et al. 2020 (arXiv:2007.07481), equation 6 for plain local SGD.
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
  struct Sums {
    std::int64_t examples = 0, weights = 0, steps = 0;  // steps: of a client, examples times
  };

  std::unique_ptr<Aggregator> rule_;
  Sums sums_;
};

}  // namespace lorae::aggregation
