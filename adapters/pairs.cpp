#include "adapters/pairs.h"

#include "adapters/adapted_weight.h"
#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

/// Of the layer that the extractor of this name belongs to.
std::string layer_of(const std::string& extractor) {
  return extractor.substr(0, extractor.size() - kExtractorSuffix.size());
}

}  // namespace

at::Tensor Pair::rows(const StateDict& state) const {
  const at::Tensor& a = state.at(extractor);
  return a.reshape({groups, a.size(0) / groups, -1});
}

at::Tensor Pair::columns(const StateDict& state) const {
  const at::Tensor& b = state.at(mapper);
  return b.reshape({groups, b.size(0) / groups, b.size(1)});
}

std::vector<Pair> pairs_of(const StateDict& state) {
  std::vector<Pair> pairs;
  for (const auto& [name, tensor] : state) {
    if (!name.ends_with(kExtractorSuffix)) {
      continue;
    }
    const std::string layer = layer_of(name);
    const std::string mapper = layer + std::string(kMapperSuffix);
    if (const at::Tensor* b = state.find(mapper)) {
      pairs.push_back({layer, name, mapper, tensor.size(0) / b->size(1)});
    }
  }
  return pairs;
}

at::Tensor components_of(const StateDict& state, const std::string& name) {
  const at::Tensor& tensor = state.at(name);
  const auto along = [&](std::int64_t axis, std::int64_t rank) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(tensor.dim()), 1);
    shape[static_cast<std::size_t>(axis)] = tensor.size(axis);
    return torch::arange(tensor.size(axis)).remainder(rank).view(shape);
  };
  if (name.ends_with(kMapperSuffix)) {
    return along(1, tensor.size(1));
  }
  if (name.ends_with(kCoreSuffix)) {
    return at::maximum(along(0, tensor.size(0)), along(1, tensor.size(1)));
  }
  if (!name.ends_with(kExtractorSuffix)) {
    return {};
  }
  const at::Tensor* mapper = state.find(layer_of(name) + std::string(kMapperSuffix));
  return along(0, mapper == nullptr ? tensor.size(0) : mapper->size(1));
}

}  // namespace lorae::adapters
