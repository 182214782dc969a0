#include "models/adapted/algebra.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

std::string extractor_name(const std::string& layer) {
  return layer + std::string(adapters::kExtractorSuffix);
}

std::string mapper_name(const std::string& layer) {
  return layer + std::string(adapters::kMapperSuffix);
}

struct Factors {
  at::Tensor extractor, mapper;  ///< as an adapter of the weight has them
  double error = 0;
};

/// The product of rank `rank` per group that is nearest to `difference`, split evenly: the leading
/// singular vectors of its smaller side and what it projects to. They come from the Gram matrix of
/// that side, in double: a fiftieth of the time of a whole SVD of 512 x 4608.
/// Source: Eckart and Young 1936.
Factors factorise(const at::Tensor& difference,
                  const adapters::LayerAdapter& adapter,
                  std::int64_t groups) {
  const std::int64_t outputs = difference.size(0);
  const at::Tensor matrices = difference.reshape({groups, outputs / groups, -1});
  const bool tall = matrices.size(1) > matrices.size(2);
  const at::Tensor wide = tall ? matrices.mT() : matrices;
  const std::int64_t side = wide.size(1);
  const std::int64_t kept = std::min(adapter.rank, side);
  const at::Tensor vectors = std::get<1>(at::linalg_eigh(wide.bmm(wide.mT())));
  const at::Tensor basis = vectors.slice(2, side - kept).flip(2);  // the largest first
  const at::Tensor projected = basis.mT().bmm(wide);
  const at::Tensor root = (projected.square().sum(2, true).sqrt() / adapter.scaling).sqrt();
  const at::Tensor rows = (projected / (adapter.scaling * root)).nan_to_num(0, 0, 0);
  const at::Tensor columns = basis * root.mT();
  const auto padded = [&](const at::Tensor& t, std::int64_t dimension) {
    auto shape = t.sizes().vec();
    shape[static_cast<std::size_t>(dimension)] = adapter.rank - kept;
    return at::cat({t, torch::zeros(shape, t.options())}, dimension);
  };
  const at::Tensor a = padded(tall ? columns.mT() : rows, 1);
  const at::Tensor b = padded(tall ? rows.mT() : columns, 2);
  auto extractor_shape = difference.sizes().vec();
  extractor_shape[0] = groups * adapter.rank;
  std::vector<std::int64_t> mapper_shape(extractor_shape.size(), 1);
  mapper_shape[0] = outputs;
  mapper_shape[1] = adapter.rank;
  const double whole = wide.norm().item<double>();
  return {a.reshape(extractor_shape).to(at::kFloat), b.reshape(mapper_shape).to(at::kFloat),
          whole > 0 ? (wide - basis.bmm(projected)).norm().item<double>() / whole : 0};
}

/// Two adapters of one layer side by side. Shapes: as AdaptedWeight, of any ranks.
at::Tensor beside(const at::Tensor& first, const at::Tensor& second, std::int64_t groups) {
  const auto grouped = [&](const at::Tensor& t) {
    auto shape = t.sizes().vec();
    shape[0] /= groups;
    shape.insert(shape.begin(), groups);
    return t.reshape(shape);
  };
  return at::cat({grouped(first), grouped(second)}, 1).flatten(0, 1);
}

}  // namespace

Extraction extract_adapter(const Model& base,
                           const Model& tuned,
                           const adapters::LoraeOptions& options) {
  const torch::NoGradGuard no_grad;
  const StateDict from = base.backbone(), to = tuned.backbone();
  check_aligned(from, to);
  const adapters::Policy policy(options);
  Extraction extraction;
  std::vector<StateDict::Entry> entries;
  std::map<std::string, bool> held;
  std::vector<adapters::LayerShape> shapes;
  for (const auto& [shape, host] : base.adaptable()) {
    shapes.push_back(shape);
    const auto adapter = policy.adapter(shape);
    if (!adapter) {
      continue;
    }
    const std::string name = shape.name + ".weight";
    const at::Tensor difference = to.at(name).to(at::kDouble) - from.at(name).to(at::kDouble);
    const Factors factors = factorise(difference, *adapter, shape.groups);
    held[name] = true;
    entries.emplace_back(extractor_name(shape.name), factors.extractor);
    entries.emplace_back(mapper_name(shape.name), factors.mapper);
    extraction.layers.push_back({shape.name, adapter->rank, factors.error});
    extraction.adapter.info.layers.push_back({.name = shape.name,
                                              .kernel = shape.kernel,
                                              .stride = shape.stride,
                                              .groups = shape.groups,
                                              .rank = adapter->rank,
                                              .alpha = adapter->alpha,
                                              .scaling = adapter->scaling});
  }
  policy.check_matches(shapes);
  for (const auto& [name, tensor] : tuned.head()) {
    if (!held.contains(name)) {
      held[name] = true;
      entries.emplace_back(name, tensor.to(at::kFloat));
    }
  }
  for (const auto& [name, tensor] : from) {
    if (!held.contains(name) && !tensor.equal(to.at(name))) {
      extraction.not_held.push_back(name);
    }
  }
  extraction.adapter.state = StateDict(std::move(entries));
  extraction.adapter.info.model = base.options().name;
  extraction.adapter.info.kind = adapters::Kind::kLorae;
  extraction.adapter.info.classes = base.options().classes;
  extraction.adapter.info.base_digest = digest_of(from).hex();
  return extraction;
}

adapters::Adapter sum_of_adapters(
    const std::vector<std::pair<const adapters::Adapter*, double>>& parts) {
  const torch::NoGradGuard no_grad;
  check(!parts.empty(), ErrorCode::kInvalidArgument, "[adapter] a sum of no adapters");
  const adapters::AdapterInfo& first = parts.front().first->info;
  adapters::Adapter sum{.info = first, .state = {}};
  sum.info.layers.clear();
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, adapters::LayerDescription> layers;
  double total = 0;
  bool whole_tensors = false;
  for (const auto& [part, weight] : parts) {
    check(part->info.model == first.model && part->info.classes == first.classes &&
              part->info.base_digest == first.base_digest && part->info.kind == first.kind,
          ErrorCode::kIncompatible, "[adapter] one is for ", part->info.model, " with ",
          part->info.classes, " classes on backbone ", part->info.base_digest, ", another for ",
          first.model, " with ", first.classes, " on ", first.base_digest);
    total += weight;
    for (const adapters::LayerDescription& layer : part->info.layers) {
      const at::Tensor& a = part->state.at(extractor_name(layer.name));
      const at::Tensor b = part->state.at(mapper_name(layer.name)) * (weight * layer.scaling);
      adapters::LayerDescription& joint = layers.try_emplace(layer.name, layer).first->second;
      at::Tensor& extractor = tensors[extractor_name(layer.name)];
      at::Tensor& mapper = tensors[mapper_name(layer.name)];
      joint.rank = extractor.defined() ? joint.rank + layer.rank : layer.rank;
      joint.scaling = 1;
      joint.alpha = static_cast<double>(joint.rank);
      extractor = extractor.defined() ? beside(extractor, a, layer.groups) : a;
      mapper = mapper.defined() ? at::cat({mapper, b}, 1) : b;
    }
    for (const auto& [name, tensor] : part->state) {
      if (!name.ends_with(adapters::kExtractorSuffix) && !name.ends_with(adapters::kMapperSuffix)) {
        at::Tensor& joint = tensors[name];
        joint = joint.defined() ? joint + weight * tensor : weight * tensor;
        whole_tensors = true;
      }
    }
  }
  check(!whole_tensors || std::abs(total - 1) < 1e-9, ErrorCode::kIncompatible,
        "[adapter] these hold whole tensors (a head, norms): expected weights that sum to 1, got ",
        total);
  for (const auto& [name, layer] : layers) {
    sum.info.layers.push_back(layer);
  }
  sum.state = StateDict({tensors.begin(), tensors.end()});
  return sum;
}

}  // namespace lorae::models
