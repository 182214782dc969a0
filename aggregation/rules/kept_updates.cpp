#include "aggregation/rules/kept_updates.h"

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {

void KeptUpdates::begin(const StateDict& base) {
  base_ = base;
  pairs_ = adapters::pairs_of(base);
  factors_.clear();
  mean_ = {};
}

void KeptUpdates::add(const ClientUpdate& update) {
  check(!base_.empty(), ErrorCode::kInvalidArgument,
        "[aggregation] the rule was not told where the round begins");
  mean_.add(update.delta, update.weight);
  std::vector<StateDict::Entry> factors;
  for (const adapters::Pair& pair : pairs_) {
    for (const std::string& name : {pair.extractor, pair.mapper}) {
      factors.emplace_back(name, update.delta.at(name).detach().cpu().clone());
    }
  }
  factors_[update.client] = {update.weight, StateDict(std::move(factors))};
}

void KeptUpdates::merge(const KeptUpdates& part) {
  mean_.merge(part.mean_);
  factors_.insert(part.factors_.begin(), part.factors_.end());
}

StateDict KeptUpdates::mean() {
  return mean_.finish();
}

LowRank KeptUpdates::product_of(const adapters::Pair& pair, const StateDict& state) {
  return {pair.columns(state).cpu().to(c10::kDouble), pair.rows(state).cpu().to(c10::kDouble)};
}

LowRank KeptUpdates::mean_product(const adapters::Pair& pair, std::int64_t moving) const {
  double total = 0;
  for (const auto& [client, update] : factors_) {
    total += static_cast<double>(update.first);
  }
  const LowRank base = base_product(pair);
  const std::int64_t all = base.right.size(1);
  const LowRank start = components(base, 0, moving), rest = components(base, moving, all);
  std::vector<at::Tensor> left{rest.left}, right{rest.right};
  for (const auto& [client, update] : factors_) {
    const LowRank delta = components(product_of(pair, update.second), 0, moving);
    left.push_back((start.left + delta.left) * (static_cast<double>(update.first) / total));
    right.push_back(start.right + delta.right);
  }
  return {at::cat(left, 2), at::cat(right, 1)};
}

void lead_to(const LowRank& product,
             const LowRank& base,
             const adapters::Pair& pair,
             StateDict& step) {
  const at::Tensor& a = step.at(pair.extractor);
  const at::Tensor& b = step.at(pair.mapper);
  a.copy_((product.right - base.right).reshape(a.sizes()));
  b.copy_((product.left - base.left).reshape(b.sizes()));
}

}  // namespace lorae::aggregation
