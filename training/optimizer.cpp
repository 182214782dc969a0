#include "training/optimizer.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::training {
namespace {

/// A tensor beside each parameter, made when the parameter first has a gradient.
using Moments = std::vector<std::vector<at::Tensor>>;

Moments empty_moments(const std::vector<ParameterGroup>& groups) {
  Moments moments;
  for (const ParameterGroup& group : groups) {
    moments.emplace_back(group.parameters.size());
  }
  return moments;
}

std::string moment_name(const char* name, std::size_t group, std::size_t parameter) {
  return str(name, '.', group, '.', parameter);
}

void add_moments(std::vector<StateDict::Entry>& entries, const char* name, const Moments& moments) {
  for (std::size_t i = 0; i < moments.size(); ++i) {
    for (std::size_t j = 0; j < moments[i].size(); ++j) {
      if (moments[i][j].defined()) {
        entries.emplace_back(moment_name(name, i, j), moments[i][j].clone());
      }
    }
  }
}

void restore_moments(Moments& moments,
                     const char* name,
                     const StateDict& state,
                     const std::vector<ParameterGroup>& groups) {
  for (std::size_t i = 0; i < moments.size(); ++i) {
    for (std::size_t j = 0; j < moments[i].size(); ++j) {
      const at::Tensor* kept = state.find(moment_name(name, i, j));
      const at::Tensor& parameter = groups[i].parameters[j];
      check(kept == nullptr || kept->sizes() == parameter.sizes(), ErrorCode::kIncompatible,
            "[training] the optimiser's state is of other parameters");
      moments[i][j] = kept == nullptr ? at::Tensor() : kept->to(parameter.options(), false, true);
    }
  }
}

/// The parameters of a group that have gradients, beside their moments.
struct Moving {
  std::vector<at::Tensor> parameters, gradients, first, second;
};

/// `second`: nullptr if there is none. Moments that are missing begin at zero.
Moving moving(const ParameterGroup& group,
              std::vector<at::Tensor>& first,
              std::vector<at::Tensor>* second) {
  Moving moving;
  for (std::size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor& parameter = group.parameters[i];
    if (!parameter.grad().defined()) {
      continue;
    }
    moving.parameters.push_back(parameter);
    moving.gradients.push_back(parameter.grad());
    for (const auto& [moments, to] : {std::pair(&first, &moving.first), {second, &moving.second}}) {
      if (moments != nullptr) {
        at::Tensor& moment = (*moments)[i];
        moment = moment.defined() ? moment : at::zeros_like(parameter);
        to->push_back(moment);
      }
    }
  }
  return moving;
}

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<ParameterGroup> groups)
      : Optimizer(std::move(groups)),
        momentum_(options.momentum),
        velocities_(empty_moments(groups_)) {}

  void step(const Pace& pace) override {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const ParameterGroup& group = groups_[i];
      Moving now = moving(group, velocities_[i], nullptr);
      if (now.parameters.empty()) {
        continue;
      }
      if (group.weight_decay > 0) {
        now.gradients = at::_foreach_add(now.gradients, now.parameters, group.weight_decay);
      }
      at::_foreach_mul_(now.first, momentum_);
      at::_foreach_add_(now.first, now.gradients, 1);
      at::_foreach_add_(now.parameters, now.first, -group.rate(pace));
    }
  }

  StateDict state() const override {
    std::vector<StateDict::Entry> entries;
    add_moments(entries, "velocity", velocities_);
    return StateDict(std::move(entries));
  }

  void restore(const StateDict& state) override {
    restore_moments(velocities_, "velocity", state, groups_);
  }

 private:
  double momentum_;
  Moments velocities_;
};

class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<ParameterGroup> groups)
      : Optimizer(std::move(groups)),
        options_(options),
        means_(empty_moments(groups_)),
        squares_(empty_moments(groups_)) {}

  void step(const Pace& pace) override {
    const torch::NoGradGuard no_grad;
    ++steps_;
    const double mean_share = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
    const double square_share = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const ParameterGroup& group = groups_[i];
      const double rate = group.rate(pace);
      Moving now = moving(group, means_[i], &squares_[i]);
      if (now.parameters.empty()) {
        continue;
      }
      if (group.weight_decay > 0 && options_.name == "adam") {
        now.gradients = at::_foreach_add(now.gradients, now.parameters, group.weight_decay);
      } else if (group.weight_decay > 0) {
        at::_foreach_mul_(now.parameters, 1 - rate * group.weight_decay);
      }
      at::_foreach_mul_(now.first, options_.beta1);
      at::_foreach_add_(now.first, now.gradients, 1 - options_.beta1);
      at::_foreach_mul_(now.second, options_.beta2);
      at::_foreach_addcmul_(now.second, now.gradients, now.gradients, 1 - options_.beta2);
      auto width = at::_foreach_sqrt(now.second);
      at::_foreach_div_(width, std::sqrt(square_share));
      at::_foreach_add_(width, options_.epsilon);
      at::_foreach_addcdiv_(now.parameters, now.first, width, -rate / mean_share);
    }
  }

  StateDict state() const override {
    std::vector<StateDict::Entry> entries{{"steps", torch::tensor({steps_}, torch::kInt64)}};
    add_moments(entries, "mean", means_);
    add_moments(entries, "square", squares_);
    return StateDict(std::move(entries));
  }

  void restore(const StateDict& state) override {
    const at::Tensor* steps = state.find("steps");
    check(steps != nullptr, ErrorCode::kIncompatible,
          "[training] the optimiser's state is another optimiser's");
    steps_ = steps->item<std::int64_t>();
    restore_moments(means_, "mean", state, groups_);
    restore_moments(squares_, "square", state, groups_);
  }

 private:
  OptimizerOptions options_;
  std::int64_t steps_ = 0;
  Moments means_, squares_;
};

struct Entry {
  std::string_view name;
  std::unique_ptr<Optimizer> (*make)(const OptimizerOptions&, std::vector<ParameterGroup>);
};

template <typename Kind>
std::unique_ptr<Optimizer> make(const OptimizerOptions& options,
                                std::vector<ParameterGroup> groups) {
  return std::make_unique<Kind>(options, std::move(groups));
}

constexpr std::array kOptimizers = {
    Entry{"sgd", &make<Sgd>},
    Entry{"adam", &make<Adam>},
    Entry{"adamw", &make<Adam>},
};

}  // namespace

void Optimizer::zero_gradients() const {
  for (const ParameterGroup& group : groups_) {
    for (const at::Tensor& parameter : group.parameters) {
      at::Tensor(parameter).mutable_grad().reset();
    }
  }
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> all;
  for (const ParameterGroup& group : groups_) {
    for (const at::Tensor& parameter : group.parameters) {
      if (parameter.grad().defined()) {
        all.push_back(parameter.grad().detach());
      }
    }
  }
  return all;
}

at::Tensor Optimizer::gradient_norm() const {
  std::vector<at::Tensor> norms;
  for (const at::Tensor& gradient : gradients()) {
    norms.push_back(gradient.norm(2));
  }
  return norms.empty() ? at::Tensor() : norms.size() == 1 ? norms[0] : at::stack(norms).norm(2);
}

void Optimizer::clip_gradients(const at::Tensor& now, double norm) const {
  if (now.defined()) {
    const at::Tensor factor = (norm / (now + 1e-6)).clamp_max(1.0);
    for (const at::Tensor& gradient : gradients()) {
      gradient.mul_(factor);
    }
  }
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<ParameterGroup> groups) {
  for (const Entry& entry : kOptimizers) {
    if (entry.name == options.name) {
      return entry.make(options, std::move(groups));
    }
  }
  fail(ErrorCode::kInvalidConfig, "[training] unknown optimiser '", options.name, "'");
}

std::vector<std::string_view> optimizer_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kOptimizers) {
    names.push_back(entry.name);
  }
  return names;
}

}  // namespace lorae::training
