#include "adapters/pairs.h"

#include "adapters/adapted_weight.h"
#include "tensors/torch.h"

namespace lorae::adapters {

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
    const std::string layer = name.substr(0, name.size() - kExtractorSuffix.size());
    const std::string mapper = layer + std::string(kMapperSuffix);
    if (const at::Tensor* b = state.find(mapper)) {
      pairs.push_back({layer, name, mapper, tensor.size(0) / b->size(1)});
    }
  }
  return pairs;
}

}  // namespace lorae::adapters
