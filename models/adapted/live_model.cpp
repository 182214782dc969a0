#include "models/adapted/live_model.h"

#include <algorithm>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

/// Tensors of the backbone on their way to the sum.
class Merge {
 public:
  Merge(const Model& model, const StateDict& plain) : plain_(plain) {
    for (const Model::Adaptable& layer : model.adaptable()) {
      layers_[layer.shape.name] = &layer;
    }
  }

  void add(const adapters::Adapter& adapter, double weight) {
    for (const adapters::LayerDescription& layer : adapter.info.layers) {
      add_low_rank(layer, adapter.state, weight);
    }
    for (const auto& [name, tensor] : adapter.state) {
      if (!name.ends_with(adapters::kExtractorSuffix) && !name.ends_with(adapters::kMapperSuffix)) {
        add_whole(name, tensor, weight);
      }
    }
  }

  StateDict take() && { return StateDict({merged_.begin(), merged_.end()}); }

 private:
  void add_low_rank(const adapters::LayerDescription& layer,
                    const StateDict& state,
                    double weight) {
    const auto found = layers_.find(layer.name);
    check(found != layers_.end(), ErrorCode::kIncompatible, "[models] the adapter is for '",
          layer.name, "', which the model does not have");
    const auto& [shape, host] = *found->second;
    const at::Tensor& extractor = state.at(layer.name + std::string(adapters::kExtractorSuffix));
    const at::Tensor& mapper = state.at(layer.name + std::string(adapters::kMapperSuffix));
    at::Tensor& sum = slot(layer.name + ".weight");
    check(layer.groups == host->groups && layer.kernel == shape.kernel &&
              extractor.dim() == sum.dim() && mapper.dim() == sum.dim() &&
              extractor.size(0) == layer.groups * layer.rank &&
              extractor[0].sizes() == sum[0].sizes() && mapper.size(0) == sum.size(0) &&
              mapper.size(1) == layer.rank && mapper.numel() == sum.size(0) * layer.rank,
          ErrorCode::kIncompatible, "[models] the adapter of '", layer.name, "' has extractor ",
          lorae::str(extractor.sizes()), " and mapper ", lorae::str(mapper.sizes()),
          ", which do not fit a weight ", lorae::str(sum.sizes()), " and rank ", layer.rank);
    sum = adapters::merged(sum, extractor, mapper, weight * layer.scaling, host->groups,
                           host->output_scale);
  }

  void add_whole(const std::string& name, const at::Tensor& tensor, double weight) {
    const at::Tensor& before = plain_at(name);
    check(before.sizes() == tensor.sizes(), ErrorCode::kIncompatible, "[models] '", name,
          "': expected ", lorae::str(before.sizes()), ", got ", lorae::str(tensor.sizes()));
    const auto layer = layers_.find(name.substr(0, name.rfind('.')));
    at::Tensor target = tensor.to(before.scalar_type());
    if (layer != layers_.end() && layer->second->weight->output_scale.defined()) {
      check(name.ends_with(".weight"), ErrorCode::kIncompatible, "[models] '", name,
            "' is folded together with its norm");
      target = target * layer->second->weight->output_scale.view({-1, 1, 1, 1});
    }
    at::Tensor& sum = slot(name);
    sum = weight == 1.0 && sum.is_same(before) ? target : sum + weight * (target - before);
  }

  const at::Tensor& plain_at(const std::string& name) const {
    const at::Tensor* found = plain_.find(name);
    check(found != nullptr, ErrorCode::kIncompatible, "[models] the adapter holds '", name,
          "', which the model does not have, or has folded");
    return *found;
  }

  at::Tensor& slot(const std::string& name) {
    return merged_.try_emplace(name, plain_at(name)).first->second;
  }

  const StateDict& plain_;
  std::map<std::string, const Model::Adaptable*> layers_;
  std::map<std::string, at::Tensor> merged_;
};

}  // namespace

StateDict merged_weights(const Model& model,
                         const StateDict& plain,
                         const std::vector<WeightedAdapter>& sum) {
  const torch::NoGradGuard no_grad;
  Merge merge(model, plain);
  for (const auto& [adapter, weight] : sum) {
    merge.add(*adapter, weight);
  }
  return std::move(merge).take();
}

LiveModel::LiveModel(std::unique_ptr<Model> backbone, bool fold_norms)
    : model_(std::move(backbone)) {
  if (fold_norms) {
    model_->fold_norms();
  }
  plain_ = model_->backbone();
  for (const NamedSlot& slot : model_->slots()) {
    slots_[slot.name] = slot.tensor;
  }
}

std::vector<Output> LiveModel::predict(const at::Tensor& images) {
  const torch::NoGradGuard no_grad;
  const std::lock_guard running(running_);
  std::optional<StateDict> next;
  {
    const std::lock_guard exchange(exchange_);
    next = std::exchange(pending_, std::nullopt);
  }
  if (next) {
    install(*next);
  }
  return model_->predict(images);
}

void LiveModel::install(const StateDict& weights) {
  for (const std::string& name : installed_) {
    *slots_.at(name) = plain_.at(name);
  }
  installed_.clear();
  for (const auto& [name, tensor] : weights) {
    *slots_.at(name) = tensor;
    installed_.insert(name);
  }
}

void LiveModel::add(const std::string& name, adapters::Adapter adapter) {
  merged_weights(*model_, plain_, {{&adapter, 1.0}});  // throws if it does not fit
  const std::lock_guard merging(merging_);
  adapters_.insert_or_assign(name, std::move(adapter));
}

void LiveModel::blend(const std::vector<std::pair<std::string, double>>& sum) {
  const std::lock_guard merging(merging_);
  std::vector<WeightedAdapter> parts;
  for (const auto& [name, weight] : sum) {
    const auto found = adapters_.find(name);
    check(found != adapters_.end(), ErrorCode::kInvalidArgument, "[models] no adapter is named '",
          name, "'");
    parts.push_back({&found->second, weight});
  }
  StateDict merged = merged_weights(*model_, plain_, parts);
  const std::lock_guard exchange(exchange_);
  pending_ = std::move(merged);
}

}  // namespace lorae::models
