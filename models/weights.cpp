#include "models/weights.h"

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

constexpr std::size_t kNamedDifferences = 5;

/// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamedDifferences); ++i) {
    text += str(i == 0 ? "" : ", ", names[i]);
  }
  return names.size() > kNamedDifferences
             ? str(text, " and ", names.size() - kNamedDifferences, " more")
             : text;
}

}  // namespace

void load_weights(Model& model, const StateDict& weights) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> missing, differing;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  std::size_t known = 0;
  for (const NamedTensor& entry : model.state()) {
    const at::Tensor* given = weights.find(entry.name);
    known += given != nullptr;
    if (given == nullptr) {
      if (!entry.name.ends_with("num_batches_tracked")) {
        missing.push_back(entry.name);
      }
    } else if (given->sizes() != entry.tensor.sizes()) {
      differing.push_back(
          lorae::str(entry.name, " (", given->sizes(), ", expected ", entry.tensor.sizes(), ')'));
    } else {
      copies.emplace_back(entry.tensor, *given);
    }
  }
  std::vector<std::string> unknown;
  if (known < weights.size()) {
    std::vector<StateDict::Entry> ours;
    for (const NamedTensor& entry : model.state()) {
      ours.emplace_back(entry.name, entry.tensor);
    }
    const StateDict all(std::move(ours));
    for (const auto& [name, tensor] : weights) {
      if (all.find(name) == nullptr) {
        unknown.push_back(name);
      }
    }
  }
  check(missing.empty() && differing.empty() && unknown.empty(), ErrorCode::kIncompatible,
        "[weights] these are not weights of ", model.options().name, " with ",
        model.options().classes, " classes;", missing.empty() ? "" : " missing: ", listed(missing),
        unknown.empty() ? "" : " unknown: ", listed(unknown),
        differing.empty() ? "" : " of another shape: ", listed(differing));
  for (const auto& [to, from] : copies) {
    to.copy_(from);
  }
}

void apply_adapter(Model& model, const adapters::Adapter& adapter) {
  if (adapter.info.kind == "lorae") {
    model.attach_adapters(adapter.info.rank, adapter.info.alpha, Seed{0});
  }
  std::vector<StateDict::Entry> targets;
  for (const StateDict& part : {model.adapter(), model.weights()}) {
    for (const auto& [name, tensor] : part) {
      if (adapter.state.find(name) != nullptr) {
        targets.emplace_back(name, tensor);
      }
    }
  }
  copy_values_(StateDict(std::move(targets)), adapter.state);
}

}  // namespace lorae::models
