#include "aggregation/rules/rank_mean.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "adapters/pairs.h"
#include "tensors/torch.h"

namespace lorae::aggregation {
namespace {

/// Behind the last component that `delta` changes.
std::int64_t rank_of(const StateDict& delta) {
  std::int64_t rank = 0;
  for (const auto& [name, tensor] : delta) {
    const at::Tensor components = adapters::components_of(delta, name);
    if (components.defined()) {
      const at::Tensor changed = tensor.cpu().ne(0) * (components + 1);
      rank = std::max(rank, changed.max().item<std::int64_t>());
    }
  }
  return rank;
}

}  // namespace

void RankMean::add(const ClientUpdate& update) {
  mean_.add(update.delta, update.weight);  // first: what it refuses was never there
  weights_[rank_of(update.delta)] += update.weight;
}

bool RankMean::merge(const Aggregator& part) {
  const auto& other = dynamic_cast<const RankMean&>(part);
  mean_.merge(other.mean_);
  for (const auto& [rank, weight] : other.weights_) {
    weights_[rank] += weight;
  }
  return true;
}

Aggregate RankMean::finish() {
  Aggregate result{mean_.finish(), {}};
  const auto weights = std::exchange(weights_, {});
  const std::int64_t most = weights.empty() ? 0 : weights.rbegin()->first;
  // Of all clients' weight over that of those who train a component; behind the last one all is 0.
  std::vector<double> factors(static_cast<std::size_t>(std::max<std::int64_t>(most, 1)), 1.0);
  std::int64_t all = 0, training = 0;
  for (const auto& [rank, weight] : weights) {
    all += weight;
  }
  for (std::int64_t component = most - 1; component >= 0; --component) {
    const auto of_rank = weights.find(component + 1);
    training += of_rank == weights.end() ? 0 : of_rank->second;
    factors[static_cast<std::size_t>(component)] =
        static_cast<double>(all) / static_cast<double>(training);
  }
  const at::Tensor table = torch::tensor(factors, torch::kFloat64);
  for (const auto& [name, tensor] : result.pseudo_gradient) {
    const at::Tensor components = adapters::components_of(result.pseudo_gradient, name);
    if (components.defined()) {
      const at::Tensor known = components.clamp_max(table.numel() - 1);
      at::Tensor(tensor).mul_(table.index_select(0, known.flatten()).view_as(known));
    }
  }
  result.report.set("aggregation/ranks", static_cast<double>(weights.size()));
  return result;
}

}  // namespace lorae::aggregation
