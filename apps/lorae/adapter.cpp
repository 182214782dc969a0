#include <cmath>
#include <cstdlib>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/model_commands.h"
#include "base/error.h"
#include "models/adapted/algebra.h"
#include "models/weights.h"
#include "tensors/finite.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

/// `use()`, whose errors are about this file: several of a command may hold the same names.
template <typename Use>
void in_file(const std::filesystem::path& path, Use&& use) {
  try {
    use();
  } catch (const Error& error) {
    fail(error.code(), "'", path.string(), "': ", error.what());
  }
}

std::unique_ptr<models::Model> loaded(const ModelChoice& choice,
                                      const std::filesystem::path& weights) {
  auto model = build(choice, std::nullopt);
  const StateDict state = map_safetensors(weights).state;
  in_file(weights, [&] { models::load_weights(*model, state); });
  return model;
}

/// The adapter of a file, to compute with.
adapters::Adapter loaded_adapter(const std::filesystem::path& path) {
  adapters::Adapter adapter = adapters::load_adapter(path);
  in_file(path, [&] { check_finite("adapter", adapter.state); });
  return adapter;
}

/// The choice that an adapter was made for. Its description has neither image channels nor stem nor
/// norms: those of the weights' first convolution, and GroupNorm where no norm has statistics. How
/// many groups is no matter of weights.
ModelChoice choice_of(const adapters::AdapterInfo& info, const StateDict& weights) {
  ModelChoice choice{.name = info.model, .classes = info.classes};
  const bool statistics = std::ranges::any_of(
      weights, [](const auto& entry) { return entry.first.ends_with(".running_mean"); });
  choice.norm_groups = statistics || !choice.name.starts_with("resnet") ? 0 : 1;
  const auto usual = build(choice, std::nullopt);
  const auto& [shape, host] = usual->adaptable().front();
  const std::string wanted = shape.name + ".weight";  // maybe behind a prefix
  for (const auto& [name, first] : weights) {
    if ((name == wanted || name.ends_with('.' + wanted)) && first.dim() == 4) {
      choice.channels = first.size(1);
      choice.stem = first.size(2) == shape.kernel ? "standard" : "small";
      break;
    }
  }
  return choice;
}

}  // namespace

void create_adapter(const ModelChoice& choice,
                    const adapters::LoraeOptions& lorae,
                    const AdapterFiles& files,
                    std::uint64_t seed) {
  const auto model = loaded(choice, files.weights);
  model->attach_adapters(lorae, Seed{seed});
  std::vector<StateDict::Entry> entries;
  for (const StateDict& part : {model->adapter(), model->head()}) {
    entries.insert(entries.end(), part.begin(), part.end());
  }
  const adapters::Adapter adapter{{.model = choice.name,
                                   .kind = adapters::Kind::kLorae,
                                   .classes = choice.classes,
                                   .base_digest = digest_of(model->backbone()).hex(),
                                   .layers = model->adapter_layers()},
                                  StateDict(std::move(entries))};
  adapters::save_adapter(files.output, adapter);
  say("wrote {}: {} layers, {} numbers\n", files.output.string(), adapter.info.layers.size(),
      adapter.state.numel());
}

void inspect_adapter(const std::filesystem::path& path, bool as_json) {
  const adapters::Adapter adapter = adapters::load_adapter(path);
  const adapters::AdapterInfo& info = adapter.info;
  if (as_json) {
    say("{}\n", adapters::description_text(info));
    return;
  }
  Table table("lrrrrrr", {"layer", "kernel", "groups", "rank", "alpha", "scaling", "numbers"});
  std::int64_t low_rank = 0;
  for (const adapters::LayerDescription& layer : info.layers) {
    const std::int64_t numbers =
        adapter.state.at(layer.name + std::string(adapters::kExtractorSuffix)).numel() +
        adapter.state.at(layer.name + std::string(adapters::kMapperSuffix)).numel();
    low_rank += numbers;
    table.row(layer.name, layer.kernel, layer.groups, layer.rank, fmt::format("{:g}", layer.alpha),
              fmt::format("{:g}", layer.scaling), numbers);
  }
  table.print();
  say("\nmodel      {}, {} classes\nkind       {}, head {}, norms {}\nround      {}\n", info.model,
      info.classes, name_of(info.kind), name_of(info.head), name_of(info.norm), info.round.value);
  say("backbone   {}\nnumbers    {} in adapters, {} in whole tensors\ndigest     {}\n",
      info.base_digest.empty() ? "any" : info.base_digest, low_rank,
      adapter.state.numel() - low_rank, digest_of(adapter.state).hex());
}

void fuse_adapter(const std::filesystem::path& path, const AdapterFiles& files) {
  const torch::NoGradGuard no_grad;
  const adapters::Adapter adapter = loaded_adapter(path);
  const StateDict weights = map_safetensors(files.weights).state;
  const auto model = build(choice_of(adapter.info, weights), std::nullopt);
  in_file(files.weights, [&] { models::load_weights(*model, weights); });
  models::apply_adapter(*model, adapter);
  model->fuse();
  std::vector<StateDict::Entry> entries;
  for (const models::NamedTensor& entry : model->state()) {
    entries.emplace_back(entry.name, entry.tensor);
  }
  Metadata metadata;
  if (!adapter.info.about.empty()) {  // what the adapter says of itself is true of the weights
    metadata[std::string(adapters::kAboutKey)] = adapter.info.about;
  }
  save_safetensors(files.output, StateDict(std::move(entries)), metadata);
  say("wrote {}: {} with {} adapters merged\n", files.output.string(), adapter.info.model,
      adapter.info.layers.size());
}

void extract_adapter(const ModelChoice& choice,
                     const adapters::LoraeOptions& lorae,
                     const std::filesystem::path& tuned,
                     const AdapterFiles& files) {
  const auto base = loaded(choice, files.weights);
  const auto other = loaded(choice, tuned);
  const models::Extraction extraction = models::extract_adapter(*base, *other, lorae);
  Table table("lrr", {"layer", "rank", "left out"});
  for (const auto& [name, rank, error] : extraction.layers) {
    table.row(name, rank, fmt::format("{:.2f}%", 100 * error));
  }
  table.print();
  if (!extraction.not_held.empty()) {
    say("\n{} tensors differ that the adapter does not hold, first '{}'\n",
        extraction.not_held.size(), extraction.not_held.front());
  }
  adapters::save_adapter(files.output, extraction.adapter);
  say("\nwrote {}\n", files.output.string());
}

void merge_adapters(const std::vector<std::string>& parts, const std::filesystem::path& output) {
  std::vector<adapters::Adapter> loaded_parts;
  std::vector<double> weights;
  for (const std::string& part : parts) {
    const std::size_t colon = part.rfind(':');
    char* end = nullptr;
    const double weight =
        colon == std::string::npos ? 0 : std::strtod(part.c_str() + colon + 1, &end);
    check(colon != std::string::npos && end == part.c_str() + part.size() && std::isfinite(weight),
          ErrorCode::kInvalidConfig, "[adapter] '", part,
          "': expected FILE:WEIGHT, for example a.safetensors:0.5");
    loaded_parts.push_back(loaded_adapter(part.substr(0, colon)));
    weights.push_back(weight);
  }
  std::vector<std::pair<const adapters::Adapter*, double>> sum;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sum.emplace_back(&loaded_parts[i], weights[i]);
  }
  const adapters::Adapter merged = models::sum_of_adapters(sum);
  adapters::save_adapter(output, merged);
  say("wrote {}: {} layers, {} numbers\n", output.string(), merged.info.layers.size(),
      merged.state.numel());
}

}  // namespace lorae::apps
