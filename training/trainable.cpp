#include "training/trainable.h"

namespace lorae::training {

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

}  // namespace lorae::training
