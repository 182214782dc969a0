#include "models/model.h"

#include <cmath>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::models {

BatchNorm::BatchNorm(std::int64_t channels)
    : weight(torch::ones({channels})),
      bias(torch::zeros({channels})),
      running_mean(torch::zeros({channels})),
      running_var(torch::ones({channels})) {}

void Model::set_head(at::Tensor weight, at::Tensor bias) {
  head_weight_ = std::move(weight);
  head_bias_ = std::move(bias);
}

StateDict Model::head() const {
  return StateDict({{"fc.weight", head_weight_}, {"fc.bias", head_bias_}});
}

StateDict Model::weights() const {
  std::vector<StateDict::Entry> entries{{"fc.weight", head_weight_}, {"fc.bias", head_bias_}};
  for (const auto& [name, conv] : convolutions_) {
    entries.emplace_back(name + ".weight", conv->weight);
  }
  return StateDict(std::move(entries));
}

StateDict Model::backbone() const {
  const StateDict trained = weights();
  std::vector<StateDict::Entry> entries(trained.begin(), trained.end());
  for (const auto& [name, norm] : norms_) {
    entries.emplace_back(name + ".weight", norm->weight);
    entries.emplace_back(name + ".bias", norm->bias);
    entries.emplace_back(name + ".running_mean", norm->running_mean);
    entries.emplace_back(name + ".running_var", norm->running_var);
  }
  return StateDict(std::move(entries));
}

StateDict Model::adapter() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, conv] : convolutions_) {
    if (conv->has_adapter()) {
      entries.emplace_back(name + std::string(adapters::kExtractorSuffix), conv->extractor);
      entries.emplace_back(name + std::string(adapters::kMapperSuffix), conv->mapper);
    }
  }
  return StateDict(std::move(entries));
}

void Model::attach_adapters(std::int64_t rank, double alpha, Seed seed) {
  for (const auto& [name, conv] : convolutions_) {
    conv->attach(rank, alpha, seed.derive("extractor", name));
  }
}

void Model::train_only(const StateDict& trainable) {
  const auto set_all = [](const StateDict& state, bool value) {
    for (const auto& [name, tensor] : state) {
      at::Tensor(tensor).set_requires_grad(value);
    }
  };
  for (auto& [name, norm] : norms_) {
    norm->running_mean.set_requires_grad(false);
    norm->running_var.set_requires_grad(false);
  }
  set_all(backbone(), false);
  set_all(adapter(), false);
  set_all(trainable, true);
}

at::Tensor Model::conv_norm(const at::Tensor& x,
                            const adapters::Conv2d& conv,
                            BatchNorm& norm) const {
  if (batch_norm_training_) {
    return at::batch_norm(conv.forward(x, {}, {}), norm.weight, norm.bias, norm.running_mean,
                          norm.running_var, /*training=*/true, BatchNorm::kMomentum,
                          BatchNorm::kEpsilon, /*cudnn_enabled=*/true);
  }
  const at::Tensor scale = norm.weight * at::rsqrt(norm.running_var + BatchNorm::kEpsilon);
  return conv.forward(x, scale, norm.bias - norm.running_mean * scale);
}

at::Tensor Model::classify(const at::Tensor& features) const {
  return at::linear(features, head_weight_, head_bias_);
}

}  // namespace lorae::models
