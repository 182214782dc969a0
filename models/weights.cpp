#include "models/weights.h"

#include <algorithm>
#include <map>
#include <set>

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

/// What no computation reads.
bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

/// A change of the names in a file.
struct Renaming {
  std::string drop;  ///< a prefix to take off
  std::string add;   ///< one to put before

  std::string apply(const std::string& name) const {
    return add + (!drop.empty() && name.starts_with(drop) ? name.substr(drop.size()) : name);
  }
  std::string text() const {
    return str(drop.empty() ? "" : "-" + drop, add.empty() ? "" : "+" + add);
  }
};

/// The one that gives the most tensors a place; none if that is as good.
Renaming best_renaming(const std::map<std::string, at::Tensor*>& places, const StateDict& weights) {
  const std::vector<Renaming> all = {
      {"", ""},          {"module.", ""},        {"model.", ""},       {"", "encoder."},
      {"", "backbone."}, {"", "backbone.body."}, {"module.model.", ""}};
  Renaming best;
  std::int64_t most = -1;
  for (const Renaming& renaming : all) {
    const auto fitting = std::ranges::count_if(
        weights, [&](const auto& entry) { return places.contains(renaming.apply(entry.first)); });
    if (fitting > most) {
      most = fitting;
      best = renaming;
    }
  }
  return best;
}

}  // namespace

void load_weights(Model& model, const StateDict& weights) {
  std::vector<std::string> missing, differing;
  std::vector<std::pair<at::Tensor*, at::Tensor>> given_to;
  std::set<std::string> known;
  for (const NamedSlot& slot : model.slots()) {
    const at::Tensor* given = weights.find(slot.name);
    known.insert(slot.name);
    if (given == nullptr) {
      if (!is_counter(slot.name)) {
        missing.push_back(slot.name);
      }
    } else if (given->sizes() != slot.tensor->sizes()) {
      differing.push_back(
          lorae::str(slot.name, " (", given->sizes(), ", expected ", slot.tensor->sizes(), ')'));
    } else {
      given_to.emplace_back(slot.tensor, *given);
    }
  }
  std::vector<std::string> unknown;
  for (const auto& [name, tensor] : weights) {
    if (!known.contains(name) && !is_counter(name)) {
      unknown.push_back(name);
    }
  }
  check(missing.empty() && differing.empty() && unknown.empty(), ErrorCode::kIncompatible,
        "[weights] these are not weights of ", model.options().name, " with ",
        model.options().classes, " classes;", missing.empty() ? "" : " missing: ", listed(missing),
        unknown.empty() ? "" : " unknown: ", listed(unknown),
        differing.empty() ? "" : " of another shape: ", listed(differing));
  for (const auto& [to, from] : given_to) {
    *to = from.to(to->scalar_type());
  }
}

PartialLoad load_matching(Model& model, const StateDict& weights) {
  const auto slots = model.slots();
  std::map<std::string, at::Tensor*> places;
  for (const NamedSlot& slot : slots) {
    places[slot.name] = slot.tensor;
  }
  const Renaming renaming = best_renaming(places, weights);
  PartialLoad load{.renaming = renaming.text()};
  std::map<std::string, std::string> reasons;  // of tensors of the model
  std::vector<std::pair<at::Tensor*, at::Tensor>> given_to;
  for (const auto& [name, tensor] : weights) {
    const auto place = places.find(renaming.apply(name));
    if (place == places.end()) {
      load.unused.push_back(name);
    } else if (place->second->sizes() != tensor.sizes()) {
      reasons[place->first] =
          lorae::str("the file has ", tensor.sizes(), ", the model ", place->second->sizes());
    } else {
      given_to.emplace_back(place->second, tensor);
      reasons[place->first] = "";
    }
  }
  check(2 * reasons.size() >= weights.size() && !given_to.empty(), ErrorCode::kIncompatible,
        "[weights] of ", weights.size(), " tensors only ", given_to.size(), " have a place in ",
        model.options().name, "; without one: ", listed(load.unused));
  for (const auto& [to, from] : given_to) {
    *to = from.to(to->scalar_type());
  }
  load.taken = given_to.size();
  for (const NamedSlot& slot : slots) {
    const auto reason = reasons.find(slot.name);
    if (reason == reasons.end() && !is_counter(slot.name)) {
      load.initialised.push_back({slot.name, "not in the file"});
    } else if (reason != reasons.end() && !reason->second.empty()) {
      load.initialised.push_back({slot.name, reason->second});
    }
  }
  return load;
}

void apply_adapter(Model& model, const adapters::Adapter& adapter) {
  const adapters::AdapterInfo& info = adapter.info;
  check(info.model == model.options().name && info.classes == model.options().classes,
        ErrorCode::kIncompatible, "[adapter] it is of ", info.model, " with ", info.classes,
        " classes, expected ", model.options().name, " with ", model.options().classes);
  if (!info.base_digest.empty()) {
    const std::string digest = digest_of(model.backbone()).hex();
    check(info.base_digest == digest, ErrorCode::kIncompatible,
          "[adapter] it was trained on the backbone ", info.base_digest, ", got ", digest,
          "; `lorae digest` gives the digest of a file");
  }
  model.attach_adapters(info.layers);
  std::vector<StateDict::Entry> targets;
  for (const StateDict& part : {model.adapter(), model.backbone()}) {
    for (const auto& [name, tensor] : part) {
      if (adapter.state.find(name) != nullptr) {
        targets.emplace_back(name, tensor);
      }
    }
  }
  copy_values_(StateDict(std::move(targets)), adapter.state);
}

}  // namespace lorae::models
