#include "aggregation/weighted_mean.h"

#include <algorithm>
#include <iterator>

#include "aggregation/cuda/sum.h"
#include "aggregation/fixed_point.h"
#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {
namespace {

constexpr auto kMostUpdates = static_cast<std::int64_t>(kMaxContributions);

std::size_t size_of(const at::Tensor& tensor) {
  return static_cast<std::size_t>(tensor.numel());
}

std::span<const float> floats(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), size_of(tensor)};
}

std::uint64_t* plane(const at::Tensor& planes, std::int64_t index) {
  return reinterpret_cast<std::uint64_t*>(planes.data_ptr<std::int64_t>()) + index * planes.size(1);
}

}  // namespace

void WeightedMean::start(const StateDict& like) {
  std::vector<StateDict::Entry> shapes;
  sums_.clear();
  for (const auto& [name, tensor] : like) {
    shapes.emplace_back(name, torch::zeros({}).expand(tensor.sizes()));
    sums_.push_back({ExactSum(size_of(tensor)), {}});
  }
  like_ = StateDict(std::move(shapes));
}

std::vector<at::Tensor> WeightedMean::values_of(const StateDict& delta) {
  std::vector<at::Tensor> values;
  for (const auto& [name, tensor] : delta) {
    check(tensor.scalar_type() == c10::kFloat, ErrorCode::kIncompatible, "[weighted_mean] '", name,
          "': expected float32, got ", tensor.scalar_type());
    if (tensor.is_cuda()) {
      if (!refusal_.defined()) {
        refusal_ = torch::zeros({1}, tensor.options().dtype(c10::kInt));
      }
      check(tensor.device() == refusal_.device(), ErrorCode::kIncompatible, "[weighted_mean] '",
            name, "': expected on ", refusal_.device(), ", got on ", tensor.device());
    }
    values.push_back(tensor.contiguous());
  }
  return values;
}

std::size_t WeightedMean::first_refused_on_device(const std::vector<at::Tensor>& values,
                                                  std::uint64_t weight) {
  if (!refusal_.defined()) {
    return values.size();
  }
  const c10::DeviceGuard guard(refusal_.device());
  refusal_.zero_();
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (values[k].is_cuda()) {
      cuda::check_range_(values[k].data_ptr<float>(), weight, size_of(values[k]),
                         static_cast<cuda::Refusal>(k + 1), refusal_.data_ptr<cuda::Refusal>(),
                         nullptr);
    }
  }
  const auto tag = refusal_.item<cuda::Refusal>();  // waits for the device
  return tag == 0 ? values.size() : static_cast<std::size_t>(tag) - 1;
}

std::size_t WeightedMean::first_refused_on_host(const std::vector<at::Tensor>& values,
                                                std::uint64_t weight) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (values[k].is_cuda() || sums_[k].host.add(floats(values[k]), weight)) {
      continue;
    }
    for (std::size_t added = 0; added < k; ++added) {
      if (!values[added].is_cuda()) {
        sums_[added].host.remove(floats(values[added]), weight);
      }
    }
    return k;
  }
  return values.size();
}

void WeightedMean::add_on_device(const std::vector<at::Tensor>& values, std::uint64_t weight) {
  if (!refusal_.defined()) {
    return;
  }
  const c10::DeviceGuard guard(refusal_.device());
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!values[k].is_cuda()) {
      continue;
    }
    at::Tensor& planes = sums_[k].device;
    if (!planes.defined()) {
      planes = torch::zeros({2, values[k].numel()}, values[k].options().dtype(c10::kLong));
    }
    cuda::add_(plane(planes, 0), plane(planes, 1), values[k].data_ptr<float>(), weight,
               size_of(values[k]), refusal_.data_ptr<cuda::Refusal>(), nullptr);
  }
}

void WeightedMean::add(const StateDict& delta, std::int64_t num_examples) {
  const auto weight = static_cast<std::uint64_t>(num_examples);
  check(num_examples > 0 && weight <= kMaxWeight, ErrorCode::kInvalidArgument,
        "[weighted_mean] expected 1 to 2^40 examples, got ", num_examples);
  check(updates_ < kMostUpdates, ErrorCode::kInvalidArgument, "[weighted_mean] at most ",
        kMostUpdates, " updates fit");
  if (updates_ == 0) {
    start(delta);
  }
  check_aligned(like_, delta);
  const std::vector<at::Tensor> values = values_of(delta);
  std::size_t refused = first_refused_on_device(values, weight);
  if (refused == values.size()) {
    refused = first_refused_on_host(values, weight);
  }
  check(refused == values.size(), ErrorCode::kCorruptData, "[weighted_mean] '",
        refused == values.size() ? "" : std::next(delta.begin(), std::ptrdiff_t(refused))->first,
        "': a number is NaN, Inf or, ", num_examples, " times, not below 2^29");
  add_on_device(values, weight);
  weight_ += weight;
  ++updates_;
  cuda_updates_ += std::any_of(values.begin(), values.end(),
                               [](const at::Tensor& tensor) { return tensor.is_cuda(); })
                       ? 1
                       : 0;
}

void WeightedMean::merge(const WeightedMean& part) {
  if (part.updates_ == 0) {
    return;
  }
  check(part.updates_ <= kMostUpdates - updates_, ErrorCode::kInvalidArgument,
        "[weighted_mean] at most ", kMostUpdates, " updates fit, got ", updates_, " and ",
        part.updates_, " more");
  if (updates_ == 0) {
    start(part.like_);
  }
  check_aligned(like_, part.like_);
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    sums_[k].host.merge(part.sums_[k].host);
    const at::Tensor& theirs = part.sums_[k].device;
    at::Tensor& ours = sums_[k].device;
    if (theirs.defined()) {
      ours = ours.defined() ? ours + theirs.to(ours.device()) : theirs.clone();
    }
  }
  if (!refusal_.defined() && part.refusal_.defined()) {
    refusal_ = part.refusal_.clone();
  }
  weight_ += part.weight_;
  updates_ += part.updates_;
  cuda_updates_ += part.cuda_updates_;
}

StateDict WeightedMean::finish() {
  check(updates_ > 0, ErrorCode::kInvalidArgument, "[weighted_mean] nothing was added");
  std::vector<StateDict::Entry> means;
  auto sum = sums_.begin();
  for (const auto& [name, tensor] : like_) {
    ExactSum& host = sum->host;
    if (sum->device.defined()) {
      const at::Tensor planes = sum->device.cpu();
      host.merge({.high = {plane(planes, 0), host.size()},
                  .low = {plane(planes, 1), host.size()},
                  .weight = weight_ - host.weight(),
                  .contributions = static_cast<std::uint64_t>(updates_) - host.contributions()});
    }
    const at::Tensor mean = torch::empty(tensor.sizes(), c10::kDouble);
    host.mean({mean.data_ptr<double>(), host.size()});
    means.emplace_back(name, mean);
    ++sum;
  }
  *this = {};
  return StateDict(std::move(means));
}

}  // namespace lorae::aggregation
