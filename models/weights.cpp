#include "models/weights.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "tensors/finite.h"
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

/// "a.b." of names that all begin so: what torch.compile ("_orig_mod."), DataParallel ("module.")
/// and whoever keeps a model in a member put before them.
std::string shared_prefix(const StateDict& weights) {
  if (weights.empty()) {
    return {};
  }
  const std::string& first = weights.begin()->first;  // names are sorted: those between share more
  const std::string& last = (weights.end() - 1)->first;
  const auto differ = std::ranges::mismatch(first, last).in1;
  const std::size_t dot = std::string(first.begin(), differ).rfind('.');
  return dot == std::string::npos ? "" : first.substr(0, dot + 1);
}

/// Every part of a prefix that ends in a dot: "a." and "a.b." of "a.b.".
std::vector<Renaming> droppings(const std::string& prefix) {
  std::vector<Renaming> all;
  for (std::size_t dot = prefix.find('.'); dot != std::string::npos;
       dot = prefix.find('.', dot + 1)) {
    all.push_back({prefix.substr(0, dot + 1), ""});
  }
  return all;
}

/// The one of `candidates` that gives the most tensors a place; no renaming if that is as good.
template <typename Places>
Renaming best_renaming(const Places& places,
                       const StateDict& weights,
                       const std::vector<Renaming>& candidates) {
  const auto fitting = [&](const Renaming& renaming) {
    return std::ranges::count_if(
        weights, [&](const auto& entry) { return places.contains(renaming.apply(entry.first)); });
  };
  Renaming best;
  auto most = fitting(best);
  for (const Renaming& renaming : candidates) {
    if (const auto count = fitting(renaming); count > most) {
      most = count;
      best = renaming;
    }
  }
  return best;
}

/// The state under other names.
StateDict renamed(const StateDict& weights, const Renaming& renaming) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : weights) {
    entries.emplace_back(renaming.apply(name), tensor);
  }
  return StateDict(std::move(entries));
}

using Taken = std::vector<std::pair<at::Tensor*, at::Tensor>>;

/// A tensor of the file in the type of its place in the model.
at::Tensor fitted(const std::string& name, const at::Tensor& from, const at::Tensor& to) {
  return converted("weights", name, from, to.scalar_type()).to(to.scalar_type());
}

}  // namespace

void load_weights(Model& model, const StateDict& file) {
  const auto slots = model.slots();
  std::vector<std::string> missing, differing;
  Taken taken;
  std::set<std::string> known;
  for (const NamedSlot& slot : slots) {
    known.insert(slot.name);
  }
  const StateDict weights =
      renamed(file, best_renaming(known, file, droppings(shared_prefix(file))));
  for (const NamedSlot& slot : slots) {
    const at::Tensor* given = weights.find(slot.name);
    if (given == nullptr) {
      if (!is_counter(slot.name)) {
        missing.push_back(slot.name);
      }
    } else if (given->sizes() != slot.tensor->sizes()) {
      differing.push_back(
          lorae::str(slot.name, " (", given->sizes(), ", expected ", slot.tensor->sizes(), ')'));
    } else {
      taken.emplace_back(slot.tensor, fitted(slot.name, *given, *slot.tensor));
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
  for (const auto& [to, from] : taken) {
    *to = from;
  }
}

PartialLoad load_matching(Model& model, const StateDict& weights) {
  const auto slots = model.slots();
  std::map<std::string, at::Tensor*> places;
  for (const NamedSlot& slot : slots) {
    places[slot.name] = slot.tensor;
  }
  std::vector<Renaming> candidates = {{"module.", ""},        {"model.", ""},
                                      {"", "encoder."},       {"", "backbone."},
                                      {"", "backbone.body."}, {"module.model.", ""}};
  std::ranges::copy(droppings(shared_prefix(weights)), std::back_inserter(candidates));
  const Renaming renaming = best_renaming(places, weights, candidates);
  PartialLoad load{.renaming = renaming.text()};
  std::map<std::string, std::string> reasons;  // of tensors of the model
  Taken taken;
  for (const auto& [name, tensor] : weights) {
    const auto place = places.find(renaming.apply(name));
    if (place == places.end()) {
      load.unused.push_back(name);
    } else if (place->second->sizes() != tensor.sizes()) {
      reasons[place->first] =
          lorae::str("the file has ", tensor.sizes(), ", the model ", place->second->sizes());
    } else {
      taken.emplace_back(place->second, fitted(name, tensor, *place->second));
      reasons[place->first] = "";
    }
  }
  check(2 * reasons.size() >= weights.size() && !taken.empty(), ErrorCode::kIncompatible,
        "[weights] of ", weights.size(), " tensors only ", taken.size(), " have a place in ",
        model.options().name, "; without one: ", listed(load.unused));
  for (const auto& [to, from] : taken) {
    *to = from;
  }
  load.taken = taken.size();
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
  check_finite("adapter", adapter.state);
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
