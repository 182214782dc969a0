#include "apps/lorae/trained.h"

#include "adapters/adapter_file.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "client/kept_model.h"
#include "experiment/run.h"
#include "models/weights.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "tensors/safetensors.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

training::TrainConfig read(const fs::path& file,
                           const std::function<void(ConfigReader&)>& overrides,
                           const training::TrainConfig& start) {
  ConfigReader reader = file.empty() ? ConfigReader{} : ConfigReader::load(file);
  overrides(reader);
  return training::read_use_config(reader, start);
}

/// Kind lorae has its adapter in best.safetensors, beside the weights that it started from; the
/// others have all weights there.
ModelFiles of_training(const fs::path& folder) {
  ModelFiles sources{.weights = {}, .adapter = {}, .config = folder / "config.toml"};
  const fs::path best = folder / "best.safetensors";
  const training::TrainConfig config = read(sources.config, [](ConfigReader&) {}, {});
  const bool adapted = config.train.kind == adapters::Kind::kLorae;
  (adapted ? sources.adapter : sources.weights) = best;
  if (adapted) {
    sources.weights = config.weights;
  }
  return sources;
}

ModelFiles of_federation(const fs::path& folder) {
  const runs::Journal journal(runs::RunDirectory::journal_of(folder), runs::Journal::Mode::kRead);
  const RoundId last = journal.last_committed();
  check(last > RoundId{0}, ErrorCode::kInvalidConfig, "[run] '", folder.string(),
        "' has had no round yet: there is nothing to use");
  ModelFiles sources{.weights = journal.meta(experiment::kBackboneKey).value_or(""),
                     .adapter = runs::RunDirectory::adapter_of(folder, last),
                     .config = {}};
  check(!sources.weights.empty(), ErrorCode::kInvalidConfig, "[run] '", folder.string(),
        "' does not say where its backbone is: give --weights BACKBONE --adapter ",
        sources.adapter.string());
  return sources;
}

ModelFiles sources_of(const UseArguments& asked) {
  if (!asked.run.empty()) {
    return model_files(asked.run);
  }
  check(!asked.weights.empty(), ErrorCode::kInvalidConfig,
        "give --weights FILE (and --adapter FILE), or --run DIR");
  return {asked.weights, asked.adapter, {}};
}

/// What the head's rows say of weights that describe nothing.
std::int64_t classes_of(const StateDict& weights, const models::ModelOptions& model) {
  const StateDict head = models::build(model, std::nullopt)->head();
  for (const auto& [name, tensor] : head) {
    if (const at::Tensor* own = weights.find(name); own != nullptr && own->dim() > 0) {
      return own->size(0);
    }
  }
  return model.classes;
}

/// The configuration of a model whose files say nothing of it: as `lorae train` would guess it.
training::TrainConfig guessed(const UseArguments& asked,
                              const std::string& data,
                              const std::function<void(ConfigReader&)>& overrides,
                              const StateDict& weights) {
  if (!data.empty()) {
    ConfigReader reader = asked.config.empty() ? ConfigReader{} : ConfigReader::load(asked.config);
    overrides(reader);
    reader.set("data", {data, "DATA"});
    return training::read_train_config(reader);
  }
  training::TrainConfig start;
  start.model = {.stem = "standard",
                 .channels = 3,
                 .height = 224,
                 .width = 224,
                 .pool = 1,
                 .mean = models::kImageNetMean,
                 .standard_deviation = models::kImageNetDeviation};
  start.model = read(asked.config, overrides, start).model;
  start.model.classes = classes_of(weights, start.model);
  return read(asked.config, overrides, start);
}

}  // namespace

ModelFiles model_files(const fs::path& folder) {
  if (fs::exists(runs::RunDirectory::journal_of(folder))) {
    return of_federation(folder);
  }
  if (client::is_kept_model(folder)) {
    return {folder / client::kBackboneFile, folder / client::kAdapterFile, {}};
  }
  if (fs::exists(folder / "best.safetensors") && fs::exists(folder / "config.toml")) {
    return of_training(folder);
  }
  fail(ErrorCode::kInvalidConfig, "[run] '", folder.string(),
       "' holds no model: expected the --out of "
       "`lorae train` with a finished epoch, a run of a coordinator (HOME/runs/...), one of a "
       "simulation's (OUT/runs/METHOD-seedN), or what a client keeps (HOME/models/NAME)");
}

tasks::metrics::Protocol protocol_of(const UseArguments& asked) {
  using tasks::metrics::Protocol;
  const std::map<std::string, Protocol> known = {{"ultralytics", Protocol::kUltralytics},
                                                 {"coco", Protocol::kCoco},
                                                 {"voc", Protocol::kVoc},
                                                 {"voc07", Protocol::kVoc07}};
  return known.at(asked.protocol);
}

tasks::JudgeOptions judge_options(const UseArguments& asked) {
  tasks::JudgeOptions options{.protocol = protocol_of(asked)};
  options.keep.confidence = asked.confidence.value_or(options.keep.confidence);
  options.keep.overlap = asked.overlap.value_or(options.keep.overlap);
  options.keep.most = asked.most.value_or(options.keep.most);
  options.keep.every_class = !asked.best_class;
  return options;
}

std::string Trained::class_name(std::int64_t label) const {
  return lorae::class_name(config.classes, label);
}

Trained load_trained(const UseArguments& asked,
                     const std::string& data,
                     const std::function<void(ConfigReader&)>& overrides) {
  const ModelFiles sources = sources_of(asked);
  Trained trained;
  SafetensorsFile weights;
  if (!sources.weights.empty()) {
    weights = map_safetensors(sources.weights);
    trained.files.push_back(sources.weights.string());
  }
  std::optional<adapters::Adapter> adapter;
  std::optional<models::Description> about = models::described(weights.metadata);
  if (!sources.adapter.empty()) {
    adapter = adapters::load_adapter(sources.adapter);
    trained.files.push_back(sources.adapter.string());
    trained.adapter_digest = digest_of(adapter->state).hex();
    trained.adapter_round = adapter->info.round;
    if (!adapter->info.about.empty()) {
      about = models::parse_description(adapter->info.about).value();
    }
  }
  training::TrainConfig start;
  if (!sources.config.empty()) {
    start = read(sources.config, [](ConfigReader&) {}, {});
  }
  if (about) {
    start.model = about->model;
    start.train.task = about->task;
    start.classes = about->class_names;
  }
  trained.config = about || !sources.config.empty()
                       ? read(asked.config, overrides, start)
                       : guessed(asked, data, overrides, weights.state);
  const training::TrainConfig& config = trained.config;
  use_threads(config.threads);
  // What a training of adapters started from may be of another class count: as it took it.
  trained.model = models::build(config.model, Seed{config.seed});
  if (!sources.weights.empty() && !sources.config.empty() && adapter) {
    models::load_matching(*trained.model, weights.state);
  } else if (!sources.weights.empty()) {
    models::load_weights(*trained.model, weights.state);
  }
  if (adapter) {
    models::apply_adapter(*trained.model, *adapter);
    trained.model->fuse();
  }
  trained.model->to(open_device(config.compute));
  if (asked.float64) {
    trained.model->to(c10::kDouble);
  }
  tasks::TaskSettings settings = training::task_settings(config);
  settings.judge = judge_options(asked);
  trained.task = tasks::make_task(config.train.task, settings);
  return trained;
}

}  // namespace lorae::apps
