#include "aggregation/rules/product_mean.h"

#include <algorithm>
#include <cmath>

#include "tensors/torch.h"

namespace lorae::aggregation {

Aggregate ProductMean::finish() {
  const torch::NoGradGuard no_grad;
  Aggregate result{kept_.mean(), {}};
  for (const adapters::Pair& pair : kept_.pairs()) {
    const LowRank base = kept_.base_product(pair);
    const LowRank nearest = truncated(kept_.mean_product(pair), base.right.size(1));
    lead_to(turned(nearest, base), base, pair, result.pseudo_gradient);
  }
  kept_.clear();
  return result;
}

Aggregate LoraFair::finish() {
  constexpr double kHold = 0.01, kLeast = 1e-30;  // the least for extractors of zeros
  const torch::NoGradGuard no_grad;
  Aggregate result{kept_.mean(), {}};
  for (const adapters::Pair& pair : kept_.pairs()) {
    const LowRank base = kept_.base_product(pair), mean = kept_.mean_product(pair);
    const at::Tensor a = base.right + pair.rows(result.pseudo_gradient);    // [G, r, n]
    const at::Tensor b = base.left + pair.columns(result.pseudo_gradient);  // [G, m, r]
    at::Tensor gram = at::bmm(a, a.mT());
    const at::Tensor hold = (kHold * gram.diagonal(0, 1, 2).mean(1).view({-1, 1, 1}) + kLeast) *
                            torch::eye(gram.size(1), gram.options());
    const at::Tensor wanted = at::bmm(mean.left, at::bmm(mean.right, a.mT())) + at::bmm(b, hold);
    const at::Tensor fair = at::linalg_solve(gram + hold, wanted.mT()).mT();  // both are symmetric
    lead_to({fair, a}, base, pair, result.pseudo_gradient);
  }
  kept_.clear();
  return result;
}

void WithProductError::begin(const StateDict& base) {
  rule_->begin(base);
  kept_.begin(base);
}

void WithProductError::add(const ClientUpdate& update) {
  kept_.add(update);  // first: what it refuses was never there, and it refuses most
  rule_->add(update);
}

bool WithProductError::merge(const Aggregator& part) {
  const auto& other = dynamic_cast<const WithProductError&>(part);
  if (!rule_->merge(*other.rule_)) {
    return false;
  }
  kept_.merge(other.kept_);
  return true;
}

Aggregate WithProductError::finish() {
  const torch::NoGradGuard no_grad;
  Aggregate result = rule_->finish();
  double wholes = 0, errors = 0, largest = 0;
  for (const adapters::Pair& pair : kept_.pairs()) {
    const LowRank base = kept_.base_product(pair), mean = kept_.mean_product(pair);
    const LowRank made{base.left + pair.columns(result.pseudo_gradient),
                       base.right + pair.rows(result.pseudo_gradient)};
    const double whole = squared_norm(mean);
    const double error = squared_norm(sum(mean, scaled(made, -1)));
    wholes += whole;
    errors += error;
    largest = std::max(largest, whole > 0 ? std::sqrt(error / whole) : 0);
  }
  kept_.clear();
  if (wholes > 0) {
    result.report.set("aggregation/product_error", std::sqrt(errors / wholes));
    result.report.set("aggregation/product_error_largest", largest);
  }
  return result;
}

}  // namespace lorae::aggregation
