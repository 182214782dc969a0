#include "aggregation/weighted_mean.h"

#include <utility>

#include "aggregation/kernels.h"
#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {

void WeightedMean::add(const StateDict& delta, std::int64_t num_examples) {
  check(num_examples > 0, ErrorCode::kInvalidArgument,
        "[weighted_mean] expected a positive number of examples, got ", num_examples);
  if (sum_.empty()) {
    std::vector<StateDict::Entry> zeros;
    for (const auto& [name, tensor] : delta) {
      zeros.emplace_back(name, torch::zeros(tensor.sizes(), c10::kDouble));
    }
    sum_ = StateDict(std::move(zeros));
  }
  check_aligned(sum_, delta);
  auto sum = sum_.begin();
  for (const auto& [name, tensor] : delta) {
    const at::Tensor values = tensor.contiguous();
    accumulate_((sum++)->second.data_ptr<double>(), values.data_ptr<float>(),
                static_cast<double>(num_examples), values.numel());
  }
  total_examples_ += num_examples;
}

StateDict WeightedMean::finish() {
  check(total_examples_ > 0, ErrorCode::kInvalidArgument, "[weighted_mean] nothing was added");
  const double total = static_cast<double>(std::exchange(total_examples_, 0));
  for (const auto& [name, tensor] : sum_) {
    at::Tensor(tensor).div_(total);
  }
  return std::exchange(sum_, {});
}

}  // namespace lorae::aggregation
