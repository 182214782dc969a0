#include "training/trainable.h"

#include <algorithm>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::training {
namespace {

/// The entries whose names `wanted` takes.
template <typename Wanted>
StateDict filtered(const StateDict& state, Wanted wanted) {
  std::vector<StateDict::Entry> entries;
  for (const StateDict::Entry& entry : state) {
    if (wanted(entry.first)) {
      entries.push_back(entry);
    }
  }
  return StateDict(std::move(entries));
}

/// What adapters are made of: extractors, and mappers or cores and bases.
StateDict parts_of(const models::Model& model, adapters::Factors factors) {
  if (factors != adapters::Factors::kCore) {
    return model.adapter();
  }
  const auto is_extractor = [](const std::string& name) {
    return name.ends_with(adapters::kExtractorSuffix);
  };
  return joined(filtered(model.adapter(), is_extractor), model.cores());
}

}  // namespace

void check_has_rank(adapters::Kind kind,
                    const adapters::LoraeOptions& lorae,
                    const ConfigReader& reader,
                    const char* key) {
  check(kind != adapters::Kind::kLorae || lorae.rank > 0, ErrorCode::kInvalidConfig,
        reader.where(key), ": expected a whole number in [1, 1024], got 0");
}

void attach_adapters(models::Model& model,
                     const adapters::LoraeOptions& lorae,
                     adapters::Factors factors,
                     adapters::Head head,
                     Seed seed) {
  model.attach_adapters(lorae, seed);
  if (factors == adapters::Factors::kCore) {
    model.attach_cores(lorae.extractor_init, seed);
  }
  for (const auto& [shape, weight] : model.adaptable()) {
    check(head == adapters::Head::kNone || !shape.head || !weight->has_adapter(),
          ErrorCode::kInvalidConfig, "[training] the head '", shape.name,
          "' is trained in full; to give it an adapter, set head = \"none\"");
  }
}

StateDict trainable_of(const models::Model& model,
                       adapters::Kind kind,
                       adapters::Factors factors,
                       adapters::Head head,
                       adapters::Norm norm) {
  std::vector<StateDict::Entry> entries;
  const auto add = [&](const StateDict& part) {
    for (const StateDict::Entry& entry : part) {
      const bool known = std::ranges::any_of(
          entries, [&](const StateDict::Entry& other) { return other.first == entry.first; });
      if (!known) {  // the head is among all weights, norms lie within branches
        entries.push_back(entry);
      }
    }
  };
  if (kind == adapters::Kind::kFull) {
    add(model.weights());
  } else {
    add(filtered(parts_of(model, factors),
                 [&](const std::string& name) { return !is_constant(factors, name); }));
  }
  if (head == adapters::Head::kBranch) {
    add(model.branches());
  } else if (head == adapters::Head::kLast || kind == adapters::Kind::kHead) {
    add(model.head());
  }
  if (norm == adapters::Norm::kLocal) {
    const StateDict own = model.norm_affines();
    std::erase_if(entries, [&](const StateDict::Entry& entry) { return own.find(entry.first); });
  } else if (norm != adapters::Norm::kFrozen) {
    add(model.norm_affines());
  }
  return StateDict(std::move(entries));
}

StateDict trained_in(const StateDict& trained,
                     adapters::Factors factors,
                     RoundId round,
                     std::int64_t period) {
  if (factors != adapters::Factors::kAlternating) {
    return trained;
  }
  const bool extractors = round.value % static_cast<std::uint64_t>(period) == 0;
  const auto rests = extractors ? adapters::kMapperSuffix : adapters::kExtractorSuffix;
  return filtered(trained, [&](const std::string& name) { return !name.ends_with(rests); });
}

bool is_constant(adapters::Factors factors, std::string_view name) {
  const bool core = factors == adapters::Factors::kCore;
  return ((core || factors == adapters::Factors::kMapper) &&
          name.ends_with(adapters::kExtractorSuffix)) ||
         (core && name.ends_with(adapters::kBasisSuffix));
}

StateDict constant_of(const models::Model& model, adapters::Kind kind, adapters::Factors factors) {
  if (kind != adapters::Kind::kLorae) {
    return {};
  }
  return filtered(parts_of(model, factors),
                  [&](const std::string& name) { return is_constant(factors, name); });
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
                                             const GroupOptions& options) {
  const ParameterGroup weights{{}, options.learning_rate, options.weight_decay, /*warm_rate=*/0};
  ParameterGroup mappers = weights, norms = weights, biases = weights;
  mappers.learning_rate *= options.mapper_ratio;
  biases.warm_rate = options.warmup_bias_rate;
  if (!options.decay_all) {
    norms.weight_decay = biases.weight_decay = 0;
  }
  std::vector<ParameterGroup> groups{weights, mappers, norms, biases};
  const bool apart = !options.decay_all || options.warmup_bias_rate > 0;
  for (const auto& [name, tensor] : trained) {
    const bool mapper =
        name.ends_with(adapters::kMapperSuffix) || name.ends_with(adapters::kCoreSuffix);
    const std::size_t group = mapper                             ? 1
                              : apart && name.ends_with(".bias") ? 3
                              : apart && tensor.dim() == 1       ? 2
                                                                 : 0;
    groups[group].parameters.push_back(tensor);
  }
  std::erase_if(groups, [](const ParameterGroup& group) { return group.parameters.empty(); });
  return groups;
}

}  // namespace lorae::training
