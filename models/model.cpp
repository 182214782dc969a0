#include "models/model.h"

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

/// Counters that no computation reads: they do not travel.
bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

}  // namespace

Model::Model(ModelOptions options, std::unique_ptr<Network> network, Seed seed)
    : options_(std::move(options)), network_(std::move(network)) {
  const torch::NoGradGuard no_grad;
  initialise(*network_, "", seed);
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    if (auto* conv = dynamic_cast<Conv*>(&layer)) {
      convolutions_.emplace_back(name, &conv->conv);
    } else if (auto* norm = dynamic_cast<BatchNorm*>(&layer)) {
      norms_.emplace_back(name, norm);
    }
  });
}

at::Tensor Model::pooled(const at::Tensor& images) const {
  const std::int64_t pool = options_.pool;
  return pool > 1 ? at::avg_pool2d(images, {pool, pool}) : images;
}

at::Tensor Model::forward(const at::Tensor& images) {
  return network_->forward(pooled(images));
}

std::vector<Output> Model::predict(const at::Tensor& images) {
  return network_->predict(pooled(images));
}

std::vector<NamedTensor> Model::state() const {
  std::vector<NamedTensor> all;
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    for (const OwnTensor& own : layer.tensors()) {
      all.push_back({name + '.' + own.name, *own.value, own.kind});
    }
  });
  return all;
}

StateDict Model::head() const {
  const std::string prefix = network_->head() + '.';
  std::vector<StateDict::Entry> entries;
  for (const NamedTensor& entry : state()) {
    if (entry.name.starts_with(prefix)) {
      entries.emplace_back(entry.name, entry.tensor);
    }
  }
  return StateDict(std::move(entries));
}

StateDict Model::weights() const {
  std::vector<StateDict::Entry> entries;
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    if (dynamic_cast<BatchNorm*>(&layer) == nullptr) {
      for (const OwnTensor& own : layer.tensors()) {
        if (own.kind == TensorKind::kParameter) {
          entries.emplace_back(name + '.' + own.name, *own.value);
        }
      }
    }
  });
  return StateDict(std::move(entries));
}

StateDict Model::backbone() const {
  std::vector<StateDict::Entry> entries;
  for (const NamedTensor& entry : state()) {
    if (!is_counter(entry.name)) {
      entries.emplace_back(entry.name, entry.tensor);
    }
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
    if (takes_adapter(*conv)) {
      conv->attach(rank, alpha, seed.derive("extractor", name));
    }
  }
}

void Model::fuse() {
  for (const auto& [name, conv] : convolutions_) {
    conv->fuse();
  }
}

void Model::unfuse() {
  for (const auto& [name, conv] : convolutions_) {
    conv->unfuse();
  }
}

void Model::set_batch_norm_training(bool training) {
  for (const auto& [name, norm] : norms_) {
    norm->training = training && !norm->options.frozen;
  }
}

void Model::train_only(const StateDict& trainable) {
  for (const NamedTensor& entry : state()) {
    if (entry.tensor.is_floating_point()) {
      entry.tensor.requires_grad_(false);
    }
  }
  for (const auto& [name, tensor] : adapter()) {
    tensor.requires_grad_(false);
  }
  for (const auto& [name, tensor] : trainable) {
    tensor.requires_grad_(true);
  }
}

void Model::to(c10::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const auto convert = [type](at::Tensor& tensor) {
    if (tensor.defined() && tensor.is_floating_point()) {
      tensor = tensor.to(type);
    }
  };
  walk(*network_, "", [&](const std::string&, Layer& layer) {
    for (const OwnTensor& own : layer.tensors()) {
      convert(*own.value);
    }
  });
  for (const auto& [name, conv] : convolutions_) {
    convert(conv->extractor);
    convert(conv->mapper);
    convert(conv->plain_weight);
  }
}

}  // namespace lorae::models
