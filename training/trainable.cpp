#include "training/trainable.h"

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::training {

void attach_adapters(models::Model& model,
                     const adapters::LoraeOptions& lorae,
                     adapters::Head head,
                     Seed seed) {
  model.attach_adapters(lorae, seed);
  for (const auto& [shape, weight] : model.adaptable()) {
    check(head == adapters::Head::kFrozen || !shape.head || !weight->has_adapter(),
          ErrorCode::kInvalidConfig, "[training] the head '", shape.name,
          "' is trained in full; to give it an adapter, set head = \"frozen\"");
  }
}

StateDict trainable_of(const models::Model& model,
                       adapters::Kind kind,
                       adapters::Head head,
                       adapters::Norm norm) {
  if (kind == adapters::Kind::kFull) {
    return model.weights();
  }
  if (kind == adapters::Kind::kHead) {
    return model.head();
  }
  std::vector<StateDict> parts{model.adapter()};
  if (head == adapters::Head::kFull) {
    parts.push_back(model.head());
  }
  if (norm == adapters::Norm::kAffine) {
    parts.push_back(model.norm_affines());
  }
  std::vector<StateDict::Entry> entries;
  for (const StateDict& part : parts) {
    entries.insert(entries.end(), part.begin(), part.end());
  }
  return StateDict(std::move(entries));
}

StateDict all_parameters(const models::Model& model) {
  std::vector<StateDict::Entry> entries;
  for (const models::NamedTensor& entry : model.state()) {
    if (entry.kind == models::TensorKind::kParameter) {
      entries.emplace_back(entry.name, entry.tensor);
    }
  }
  return StateDict(std::move(entries));
}

std::int64_t count_parameters(const models::Model& model) {
  std::int64_t count = 0;
  for (const models::NamedTensor& entry : model.state()) {
    count += entry.kind == models::TensorKind::kBuffer ? 0 : entry.tensor.numel();
  }
  return count;
}

std::vector<ParameterGroup> parameter_groups(const StateDict& trained,
                                             double learning_rate,
                                             double mapper_ratio,
                                             double weight_decay) {
  ParameterGroup others{{}, learning_rate, weight_decay};
  ParameterGroup mappers{{}, learning_rate * mapper_ratio, weight_decay};
  for (const auto& [name, tensor] : trained) {
    (name.ends_with(adapters::kMapperSuffix) ? mappers : others).parameters.push_back(tensor);
  }
  std::vector<ParameterGroup> groups{others};
  if (!mappers.parameters.empty()) {
    groups.push_back(mappers);
  }
  return groups;
}

}  // namespace lorae::training
