#include "models/model.h"

#include <algorithm>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

/// Counters that no computation reads: they do not travel.
bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

}  // namespace

Model::Model(ModelOptions options, std::unique_ptr<Network> network, std::optional<Seed> seed)
    : options_(std::move(options)), network_(std::move(network)) {
  const torch::NoGradGuard no_grad;
  if (seed) {
    initialise(*network_, "", *seed);
  }
  const std::vector<std::string> head = network_->head();
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    layers_.push_back(&layer);
    if (auto* block = dynamic_cast<AdaptableBlock*>(&layer)) {
      adaptable_.push_back({block->shape(name), &block->adapted()});
      adaptable_.back().shape.head = std::ranges::find(head, name) != head.end();
    }
    if (auto* conv = dynamic_cast<Conv*>(&layer)) {
      convolutions_.emplace_back(name, &conv->conv);
    } else if (auto* norm = dynamic_cast<NormLayer*>(&layer)) {
      norms_.emplace_back(name, norm);
    } else if (auto* dropout = dynamic_cast<Dropout*>(&layer)) {
      dropouts_.emplace_back(name, dropout);
    }
  });
}

at::Tensor Model::pooled(const at::Tensor& images) const {
  const std::int64_t pool = options_.pool;
  return pool > 1 ? at::avg_pool2d(images, {pool, pool}) : images;
}

Network& Model::network() {
  take_cores();
  return *network_;
}

at::Tensor Model::forward(const at::Tensor& images) {
  return network().forward(pooled(images));
}

std::vector<Output> Model::predict(const at::Tensor& images) {
  return network().predict(pooled(images));
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

std::vector<NamedSlot> Model::slots() {
  std::vector<NamedSlot> all;
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    for (const OwnTensor& own : layer.tensors()) {
      all.push_back({name + '.' + own.name, own.value});
    }
  });
  return all;
}

StateDict Model::weights_of(const std::vector<std::string>& layers) const {
  std::vector<StateDict::Entry> entries;
  for (const StateDict::Entry& entry : weights()) {
    if (std::ranges::any_of(layers, [&](const std::string& layer) {
          return entry.first.starts_with(layer + '.');
        })) {
      entries.push_back(entry);
    }
  }
  return StateDict(std::move(entries));
}

StateDict Model::head() const {
  return weights_of(network_->head());
}

StateDict Model::branches() const {
  return weights_of(network_->branches());
}

StateDict Model::weights() const {
  std::vector<StateDict::Entry> entries;
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    if (dynamic_cast<NormLayer*>(&layer) == nullptr) {
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

StateDict Model::norm_affines() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, norm] : norms_) {
    if (!norm->options.frozen && !norm->folded) {
      entries.emplace_back(name + ".weight", norm->weight);
      entries.emplace_back(name + ".bias", norm->bias);
    }
  }
  return StateDict(std::move(entries));
}

StateDict Model::norm_statistics() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, norm] : norms_) {
    for (const OwnTensor& own : norm->tensors()) {
      const bool statistic = own.kind == TensorKind::kBuffer && own.value->is_floating_point();
      if (statistic && !norm->options.frozen && !norm->folded) {
        entries.emplace_back(name + '.' + own.name, *own.value);
      }
    }
  }
  return StateDict(std::move(entries));
}

StateDict Model::adapter() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [shape, host] : adaptable_) {
    if (host->has_adapter()) {
      entries.emplace_back(shape.name + std::string(adapters::kExtractorSuffix), host->extractor);
      entries.emplace_back(shape.name + std::string(adapters::kMapperSuffix), host->mapper);
    }
  }
  return StateDict(std::move(entries));
}

void Model::attach_adapters(const adapters::LoraeOptions& options, Seed seed) {
  const adapters::Policy policy(options);
  std::vector<adapters::LayerShape> shapes;
  for (const Adaptable& layer : adaptable_) {
    shapes.push_back(layer.shape);
  }
  policy.check_matches(shapes);
  for (const auto& [shape, host] : adaptable_) {
    if (const auto adapter = policy.adapter(shape)) {
      host->attach(*adapter, seed.derive("extractor", shape.name));
    }
  }
}

void Model::attach_adapters(const std::vector<adapters::LayerDescription>& layers) {
  for (const adapters::LayerDescription& layer : layers) {
    const auto found = std::ranges::find(adaptable_, layer.name,
                                         [](const Adaptable& one) { return one.shape.name; });
    check(found != adaptable_.end(), ErrorCode::kIncompatible, "[models] the adapter is for '",
          layer.name, "', which ", options_.name, " does not have");
    const adapters::LayerShape& shape = found->shape;
    check(layer.kernel == shape.kernel && layer.stride == shape.stride &&
              layer.groups == shape.groups,
          ErrorCode::kIncompatible, "[models] the adapter of '", layer.name, "' is for kernel ",
          layer.kernel, ", stride ", layer.stride, ", groups ", layer.groups, ", but ",
          options_.name, " has ", shape.kernel, ", ", shape.stride, ", ", shape.groups);
    found->weight->attach({.rank = layer.rank, .alpha = layer.alpha, .scaling = layer.scaling},
                          Seed{0});
  }
}

void Model::attach_cores(adapters::ExtractorInit init, Seed seed) {
  for (const auto& [shape, host] : adaptable_) {
    if (host->has_adapter()) {
      host->attach_core(init, seed.derive("basis", shape.name));
    }
  }
}

StateDict Model::cores() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [shape, host] : adaptable_) {
    if (host->core.defined()) {
      entries.emplace_back(shape.name + std::string(adapters::kCoreSuffix), host->core);
      entries.emplace_back(shape.name + std::string(adapters::kBasisSuffix), host->basis);
    }
  }
  return StateDict(std::move(entries));
}

/// Before anything is computed: cores may have been trained or loaded.
void Model::take_cores() {
  for (const auto& [shape, host] : adaptable_) {
    host->take_core();
  }
}

std::vector<adapters::LayerDescription> Model::adapter_layers() const {
  std::vector<adapters::LayerDescription> layers;
  for (const auto& [shape, host] : adaptable_) {
    if (host->has_adapter()) {
      layers.push_back({.name = shape.name,
                        .kernel = shape.kernel,
                        .stride = shape.stride,
                        .groups = shape.groups,
                        .rank = host->rank(),
                        .alpha = host->alpha,
                        .scaling = host->scaling});
    }
  }
  return layers;
}

void Model::fuse() {
  take_cores();
  for (const auto& [shape, host] : adaptable_) {
    host->fuse();
  }
}

void Model::unfuse() {
  for (const auto& [shape, host] : adaptable_) {
    host->unfuse();
  }
}

void Model::fold_norms() {
  const torch::NoGradGuard no_grad;
  Conv* before = nullptr;  // in all our models, a norm comes right behind its convolution
  walk(*network_, "", [&](const std::string& name, Layer& layer) {
    if (auto* conv = dynamic_cast<Conv*>(&layer)) {
      before = conv;
    } else if (auto* norm = dynamic_cast<NormLayer*>(&layer);
               norm != nullptr && !norm->folded && norm->options.groups == 0 &&
               (before == nullptr || !before->conv.weight.requires_grad())) {
      check(!norm->learns && before != nullptr &&
                before->conv.options.out_channels == norm->weight.size(0),
            ErrorCode::kInvalidArgument, "[models] '", name, "' cannot be folded: it is ",
            norm->learns ? "learning" : "not behind a convolution of its size");
      const auto [scale, shift] = norm->affine();
      before->conv.fold_norm(scale, shift);
      norm->folded = true;
    }
  });
}

void Model::set_batch_norm_learning(bool learns) {
  for (const auto& [name, norm] : norms_) {
    norm->learns = learns && !norm->options.frozen;
  }
}

void Model::set_training(std::optional<Seed> noise) {
  for (Layer* layer : layers_) {
    layer->training = noise.has_value();
  }
  for (const auto& [name, dropout] : dropouts_) {
    dropout->noise = noise ? noise->derive("dropout", name) : Seed{};
  }
  network_->noise = noise ? noise->derive("network") : Seed{};
}

void Model::train_only(const StateDict& trainable) {
  for (const NamedTensor& entry : state()) {
    if (entry.tensor.is_floating_point()) {
      entry.tensor.requires_grad_(false);
    }
  }
  for (const auto& [shape, host] : adaptable_) {
    if (host->core.defined()) {
      host->core.requires_grad_(false);
      host->take_core();  // without a graph, or it could not be frozen
    }
  }
  for (const auto& [name, tensor] : adapter()) {
    tensor.requires_grad_(false);
  }
  for (const auto& [name, tensor] : trainable) {
    tensor.requires_grad_(true);
  }
}

/// `change` gives what a tensor becomes.
template <typename Change>
void Model::change_tensors(Change change) {
  const torch::NoGradGuard no_grad;
  take_cores();
  const auto replace = [&](at::Tensor& tensor) {
    const at::Tensor changed = tensor.defined() ? change(tensor) : at::Tensor();
    if (changed.defined() && !changed.is_same(tensor)) {
      tensor.set_data(changed);
      if (tensor.mutable_grad().defined()) {
        tensor.mutable_grad().reset();
      }
    }
  };
  walk(*network_, "", [&](const std::string&, Layer& layer) {
    for (const OwnTensor& own : layer.tensors()) {
      replace(*own.value);
    }
    if (auto* block = dynamic_cast<AdaptableBlock*>(&layer)) {
      adapters::AdaptedWeight& host = block->adapted();
      for (at::Tensor* tensor : {&host.extractor, &host.mapper, &host.core, &host.basis,
                                 &host.plain_weight, &host.output_scale}) {
        replace(*tensor);
      }
    }
  });
}

void Model::to(c10::ScalarType type) {
  change_tensors([type](const at::Tensor& tensor) {
    return tensor.is_floating_point() ? tensor.to(type) : tensor;
  });
}

void Model::to(at::Device device) {
  change_tensors([device](const at::Tensor& tensor) { return tensor.to(device); });
}

at::Device Model::device() const {
  return any_weight().device();
}

c10::ScalarType Model::type() const {
  return any_weight().scalar_type();
}

}  // namespace lorae::models
