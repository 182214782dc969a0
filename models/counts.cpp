#include "models/counts.h"

namespace lorae::models {
namespace {

bool is_attention(const std::string& layer, bool classifier) {
  const auto has = [&](std::string_view part) { return layer.find(part) != std::string::npos; };
  return has(".attn.proj.") || (!classifier && (has(".attn.qkv.") || has(".ffn.")));
}

}  // namespace

ModelCounts count(Model& model, std::int64_t rank) {
  ModelCounts counts{.head = model.head().numel()};
  for (const NamedTensor& entry : model.state()) {
    counts.total += entry.kind == TensorKind::kBuffer ? 0 : entry.tensor.numel();
  }
  walk(model.network(), "", [&](const std::string& name, Layer& layer) {
    if (auto* conv = dynamic_cast<Conv*>(&layer)) {
      const Conv2dOptions& options = conv->conv.options;
      LayerCount one{
          .name = name,
          .in = options.in_channels,
          .out = options.out_channels,
          .kernel = options.kernel,
          .stride = options.stride,
          .groups = options.groups,
          .parameters = conv->conv.weight.numel() + (options.bias ? conv->conv.bias.numel() : 0)};
      if (Model::takes_adapter(conv->conv)) {
        one.adapter = rank * (one.in * one.kernel * one.kernel + one.out);
      }
      counts.adapter += one.adapter;
      counts.layers.push_back(one);
    } else if (auto* linear = dynamic_cast<Linear*>(&layer)) {
      counts.layers.push_back({.name = name,
                               .in = linear->weight.size(1),
                               .out = linear->weight.size(0),
                               .parameters = linear->weight.numel() + linear->bias.numel()});
    }
  });
  return counts;
}

std::int64_t paper_updated_parameters(const ModelCounts& counts, const std::string& model) {
  std::int64_t updated = counts.adapter;
  for (const LayerCount& layer : counts.layers) {
    const bool whole = layer.groups > 1 || is_attention(layer.name, model.ends_with("-cls"));
    updated += model.starts_with("yolo11") && whole ? layer.parameters : 0;
  }
  return updated;
}

}  // namespace lorae::models
