#include "aggregation/optimizers/adaptive.h"

#include <string>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {
namespace {

constexpr std::string_view kFirst = ".first_moment";
constexpr std::string_view kSecond = ".second_moment";

}  // namespace

void Adaptive::step_(const StateDict& global, const StateDict& pseudo_gradient) {
  check_aligned(global, pseudo_gradient);
  const torch::NoGradGuard no_grad;
  if (first_.empty()) {
    first_ = map(global, [](const at::Tensor& weights) { return torch::zeros_like(weights); });
    second_ = map(global, [&](const at::Tensor& weights) {
      return torch::full_like(weights, options_.tau * options_.tau);
    });
  }
  check_aligned(global, first_);
  check_aligned(global, second_);
  for_each_aligned(
      [&](at::Tensor weights, const at::Tensor& d, at::Tensor m, at::Tensor v) {
        m.copy_(m.to(c10::kDouble) * options_.beta1 + d * (1 - options_.beta1));
        v.copy_(second_moment(v.to(c10::kDouble), d * d));
        const at::Tensor step = m.to(c10::kDouble) / (v.to(c10::kDouble).sqrt() + options_.tau);
        weights.copy_(weights.to(c10::kDouble) + step * options_.learning_rate);
      },
      global, pseudo_gradient, first_, second_);
}

StateDict Adaptive::state() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : first_) {
    entries.emplace_back(name + std::string(kFirst), tensor);
  }
  for (const auto& [name, tensor] : second_) {
    entries.emplace_back(name + std::string(kSecond), tensor);
  }
  return StateDict(std::move(entries));
}

void Adaptive::restore(StateDict state) {
  std::vector<StateDict::Entry> first;
  std::vector<StateDict::Entry> second;
  for (const auto& [name, tensor] : state) {
    const bool is_first = name.ends_with(kFirst);
    check(is_first || name.ends_with(kSecond), ErrorCode::kIncompatible, "[server] '", name,
          "' is no moment: was the file written by another server optimiser?");
    const std::size_t suffix = is_first ? kFirst.size() : kSecond.size();
    (is_first ? first : second).emplace_back(name.substr(0, name.size() - suffix), tensor);
  }
  first_ = StateDict(std::move(first));
  second_ = StateDict(std::move(second));
}

at::Tensor Adam::second_moment(const at::Tensor& v, const at::Tensor& square) const {
  return v * options().beta2 + square * (1 - options().beta2);
}

at::Tensor Yogi::second_moment(const at::Tensor& v, const at::Tensor& square) const {
  return v - square * (1 - options().beta2) * (v - square).sign();
}

at::Tensor Adagrad::second_moment(const at::Tensor& v, const at::Tensor& square) const {
  return v + square;
}

}  // namespace lorae::aggregation
