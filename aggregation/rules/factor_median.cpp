#include "aggregation/rules/factor_median.h"

#include <utility>

#include "aggregation/fixed_point.h"
#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {
namespace {

constexpr double kLimit = 1 << kRangeBits;  // as sums have it: a server's step has to stay finite

}  // namespace

void FactorMedian::add(const ClientUpdate& update) {
  if (!deltas_.empty()) {
    check_aligned(deltas_.front(), update.delta);
  }
  for (const auto& [name, tensor] : update.delta) {
    check(tensor.abs().lt(kLimit).all().item<bool>(), ErrorCode::kCorruptData, "[aggregation] '",
          name, "': a number is NaN, Inf or not below 2^29");
  }
  deltas_.push_back(update.delta.clone());
}

Aggregate FactorMedian::finish() {
  check(!deltas_.empty(), ErrorCode::kInvalidArgument, "[aggregation] nothing was added");
  const torch::NoGradGuard no_grad;
  const std::vector<StateDict> deltas = std::exchange(deltas_, {});
  const auto count = static_cast<std::int64_t>(deltas.size());
  std::vector<StateDict::Entry> medians;
  for (const auto& [name, first] : deltas.front()) {
    std::vector<at::Tensor> values;
    for (const StateDict& delta : deltas) {
      values.push_back(delta.at(name).to(c10::kDouble));
    }
    const at::Tensor sorted = std::get<0>(torch::stack(values).sort(0));
    medians.emplace_back(name, (sorted[(count - 1) / 2] + sorted[count / 2]) / 2);
  }
  return {StateDict(std::move(medians)), {}};
}

}  // namespace lorae::aggregation
