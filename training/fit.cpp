#include "training/fit.h"

#include <numeric>

#include "base/error.h"
#include "tasks/classification.h"
#include "tensors/torch.h"

namespace lorae::training {
namespace {

/// v = momentum * v + (g + decay * w); w -= rate * v. As torch::optim::SGD without dampening, but
/// on the few tensors at hand through multi-tensor kernels, which matters for small models.
class Sgd {
 public:
  Sgd(const std::vector<ParameterGroup>& groups, double momentum)
      : groups_(groups), momentum_(momentum), velocities_(groups.size()) {}

  void step(double factor) {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const ParameterGroup& group = groups_[i];
      std::vector<at::Tensor> gradients;
      for (const at::Tensor& parameter : group.parameters) {
        gradients.push_back(parameter.grad());
      }
      if (group.weight_decay > 0) {
        gradients = at::_foreach_add(gradients, group.parameters, group.weight_decay);
      }
      auto& velocity = velocities_[i];
      if (velocity.empty()) {
        for (const at::Tensor& gradient : gradients) {
          velocity.push_back(gradient.clone());
        }
      } else {
        at::_foreach_mul_(velocity, momentum_);
        at::_foreach_add_(velocity, gradients, 1);
      }
      at::_foreach_add_(group.parameters, velocity, -group.learning_rate * factor);
    }
  }

  void zero_gradients() const {
    for (const ParameterGroup& group : groups_) {
      for (const at::Tensor& parameter : group.parameters) {
        at::Tensor(parameter).mutable_grad().reset();
      }
    }
  }

 private:
  const std::vector<ParameterGroup>& groups_;
  double momentum_;
  std::vector<std::vector<at::Tensor>> velocities_;
};

std::vector<at::Tensor> all_parameters(const std::vector<ParameterGroup>& groups) {
  std::vector<at::Tensor> parameters;
  for (const ParameterGroup& group : groups) {
    parameters.insert(parameters.end(), group.parameters.begin(), group.parameters.end());
  }
  return parameters;
}

at::Tensor shuffled(std::int64_t size, Seed seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  Random random = seed.derive("shuffle", {}, static_cast<std::uint64_t>(epoch)).random();
  random.shuffle(std::span(order));
  return torch::tensor(order, c10::kLong);
}

}  // namespace

FitResult fit(models::Model& model,
              const data::ImageSet& images,
              const std::vector<ParameterGroup>& groups,
              const SgdLoop& loop,
              Seed seed) {
  const std::int64_t size = images.size();
  check(size > 0, ErrorCode::kInvalidArgument, "[fit] no images to train on");
  Sgd sgd(groups, loop.momentum);
  const std::vector<at::Tensor> parameters = all_parameters(groups);
  const double total = static_cast<double>(loop.epochs * size);
  FitResult result{.num_examples = size};
  for (std::int64_t epoch = 0; epoch < loop.epochs; ++epoch) {
    const at::Tensor order = shuffled(size, seed, epoch);
    double loss_sum = 0;
    for (std::int64_t start = 0; start < size; start += loop.batch_size) {
      const at::Tensor batch = order.slice(0, start, std::min(start + loop.batch_size, size));
      const at::Tensor x = tasks::model_input(model, images.images.index_select(0, batch));
      const at::Tensor loss =
          tasks::classification_loss(model.forward(x), images.labels.index_select(0, batch));
      sgd.zero_gradients();
      loss.backward();
      if (loop.clip_norm > 0) {
        torch::nn::utils::clip_grad_norm_(parameters, loop.clip_norm);
      }
      sgd.step(loop.schedule(static_cast<double>(epoch * size + start) / total));
      loss_sum += loss.item<double>() * static_cast<double>(batch.numel());
      loop.on_batch(batch.numel());
      ++result.steps;
    }
    result.loss = loss_sum / static_cast<double>(size);
  }
  return result;
}

}  // namespace lorae::training
