#include "training/stages.h"

#include <nlohmann/json.hpp>

#include "adapters/adapter_file.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/str.h"
#include "data/text_file.h"
#include "models/description.h"
#include "models/weights.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "training/train_files.h"

namespace lorae::training {
namespace {

namespace fs = std::filesystem;

/// "cat, dog"
std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (const auto name = data::trimmed(text.substr(0, end)); !name.empty()) {
      names.emplace_back(name);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

/// The weights of `config` with the best adapter of its training in them.
void merge(const TrainConfig& config, const fs::path& folder) {
  const torch::NoGradGuard no_grad;
  const auto model = models::build(config.model, Seed{config.seed});
  if (!config.weights.empty()) {
    models::load_matching(*model, map_safetensors(config.weights).state);
  }
  models::apply_adapter(*model, adapters::load_adapter(folder / "best.safetensors"));
  model->fuse();
  save_safetensors(
      folder / "merged.safetensors", model->backbone(),
      models::metadata_of(
          {.model = config.model, .task = config.train.task, .class_names = config.classes}));
}

TrainSettings stage_of(const TrainSettings& settings, const fs::path& folder) {
  TrainSettings stage = settings;
  stage.out = folder;
  stage.config.stages = {};
  // A stage that was never begun, or died before its first file, begins.
  stage.resume = settings.resume && fs::exists(folder / "config.toml");
  return stage;
}

}  // namespace

TrainSummary train_in_stages(const TrainSettings& settings, const TrainEvents& events) {
  const TrainConfig& config = settings.config;
  const TrainFolder whole(settings.out, config, settings.resume);
  std::vector<std::string> seen;
  std::string weights = config.weights;
  nlohmann::json stages = nlohmann::json::array();
  TrainSummary summary;
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const fs::path folder = whole.file(str("stage-", i + 1));
    TrainSettings stage = stage_of(settings, folder);
    stage.config.learn = names_in(config.stages[i]);
    check(!stage.config.learn.empty(), ErrorCode::kInvalidConfig, "[train] stages: stage ", i + 1,
          " names no class: expected \"cat, dog\"");
    seen.insert(seen.end(), stage.config.learn.begin(), stage.config.learn.end());
    stage.config.judge = seen;
    stage.config.weights = weights;
    const bool adapts = stage.config.train.kind == adapters::Kind::kLorae;
    weights = fs::absolute(folder / (adapts ? "merged.safetensors" : "best.safetensors"))
                  .lexically_normal();
    summary = train(stage, events);
    if (summary.stopped) {
      return summary;
    }
    if (adapts) {
      merge(stage.config, folder);
    }
    nlohmann::json one = nlohmann::json::parse(summary_json(summary));
    one["classes"] = stage.config.learn;
    one["folder"] = folder.filename();
    stages.push_back(std::move(one));
  }
  nlohmann::json last = nlohmann::json::parse(summary_json(summary));
  last["stages"] = std::move(stages);
  write_file_atomic(whole.file("train.json"), view_of(last.dump() + '\n'));
  return summary;
}

}  // namespace lorae::training
