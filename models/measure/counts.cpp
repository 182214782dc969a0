#include "models/measure/counts.h"

#include <map>

namespace lorae::models {
namespace {

bool is_attention(const std::string& layer, bool classifier) {
  const auto has = [&](std::string_view part) { return layer.find(part) != std::string::npos; };
  return has(".attn.proj.") || (!classifier && (has(".attn.qkv.") || has(".ffn.")));
}

}  // namespace

ModelCounts count(const Model& model, const adapters::LoraeOptions& options) {
  ModelCounts counts{.head = model.head().numel()};
  std::map<std::string, std::int64_t> parameters;  // of each layer
  for (const NamedTensor& entry : model.state()) {
    if (entry.kind != TensorKind::kBuffer) {
      counts.total += entry.tensor.numel();
      parameters[entry.name.substr(0, entry.name.rfind('.'))] += entry.tensor.numel();
    }
  }
  const adapters::Policy policy(options);
  std::vector<adapters::LayerShape> shapes;
  for (const auto& [shape, weight] : model.adaptable()) {
    LayerCount one{.shape = shape, .parameters = parameters[shape.name]};
    if (const auto adapter = policy.adapter(shape)) {
      one.rank = adapter->rank;
      one.adapter = adapter->numel(shape);
      counts.adapter += one.adapter;
    }
    counts.layers.push_back(one);
    shapes.push_back(shape);
  }
  policy.check_matches(shapes);
  return counts;
}

std::int64_t paper_updated_parameters(const ModelCounts& counts, const std::string& model) {
  std::int64_t updated = counts.adapter;
  for (const LayerCount& layer : counts.layers) {
    const bool whole =
        layer.shape.groups > 1 || is_attention(layer.shape.name, model.ends_with("-cls"));
    updated += model.starts_with("yolo11") && whole ? layer.parameters : 0;
  }
  return updated;
}

}  // namespace lorae::models
