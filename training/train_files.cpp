#include "training/train_files.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "data/draw.h"
#include "tensors/safetensors.h"
#include "training/event_file.h"

namespace lorae::training {
namespace {

using nlohmann::json;

constexpr const char* kProgressKey = "lorae_train";

json json_of(const Metrics& metrics) {
  json object = json::object();
  for (const auto& [name, value] : metrics) {
    object[name] = value;
  }
  return object;
}

/// Metrics keep their order, objects of JSON do not.
json pairs_of(const Metrics& metrics) {
  json pairs = json::array();
  for (const auto& [name, value] : metrics) {
    pairs.push_back({name, value});
  }
  return pairs;
}

/// JSON has no NaN and no Inf: they are written as null.
double number_of(const json& value) {
  return value.is_null() ? std::nan("") : value.get<double>();
}

Metrics metrics_of(const json& pairs) {
  Metrics metrics;
  for (const json& pair : pairs) {
    metrics.set(pair.at(0).get<std::string>(), number_of(pair.at(1)));
  }
  return metrics;
}

std::string progress_text(const TrainProgress& progress) {
  json epochs = json::array();
  for (const TrainEpoch& epoch : progress.epochs) {
    epochs.push_back({{"epoch", epoch.epoch},
                      {"steps", epoch.steps},
                      {"seconds", epoch.seconds},
                      {"learning_rate", epoch.learning_rate},
                      {"loss", epoch.loss},
                      {"parts", pairs_of(epoch.parts)},
                      {"metrics", pairs_of(epoch.metrics)}});
  }
  return json{{"epochs", epochs},
              {"best_epoch", progress.best_epoch},
              {"seconds", progress.seconds},
              {"started", progress.started},
              {"images", progress.images},
              {"busy", progress.busy},
              {"peak_memory_mb", progress.peak_memory_mb}}
      .dump();
}

TrainProgress parse_progress(const std::string& text) {
  const json object = json::parse(text);
  TrainProgress progress{.epochs = {},
                         .best_epoch = object.at("best_epoch").get<std::int64_t>(),
                         .seconds = object.at("seconds").get<double>(),
                         .started = object.value("started", 0.0),
                         .images = object.value("images", std::int64_t{0}),
                         .busy = object.value("busy", 0.0),
                         .peak_memory_mb = object.value("peak_memory_mb", 0.0)};
  for (const json& row : object.at("epochs")) {
    TrainEpoch epoch{.epoch = row.at("epoch").get<std::int64_t>(),
                     .steps = row.at("steps").get<std::int64_t>(),
                     .seconds = row.at("seconds").get<double>(),
                     .learning_rate = row.at("learning_rate").get<double>(),
                     .loss = number_of(row.at("loss")),
                     .parts = metrics_of(row.value("parts", json::array())),
                     .metrics = metrics_of(row.at("metrics"))};
    progress.epochs.push_back(std::move(epoch));
  }
  check(progress.best_epoch >= 0 && progress.best_epoch <= std::ssize(progress.epochs),
        ErrorCode::kCorruptData, "[train] the best epoch is none of those that are there");
  return progress;
}

}  // namespace

TrainFolder::TrainFolder(std::filesystem::path path, const TrainConfig& config, bool resume)
    : path_(std::move(path)) {
  const auto known = file("config.toml");
  if (resume) {
    check(std::filesystem::exists(known), ErrorCode::kInvalidConfig, "[train] '", path_.string(),
          "' holds no training to go on with: expected config.toml there");
    ConfigReader reader = ConfigReader::load(known);
    const auto differences = identity_differences(read_use_config(reader, {}), config);
    check(differences.empty(), ErrorCode::kInvalidConfig, "[train] '", known.string(),
          "' is the configuration of another training: ", text_of(differences),
          "; give the same flags as before, or another --out");
    return;
  }
  check(!std::filesystem::exists(known), ErrorCode::kInvalidConfig, "[train] '", path_.string(),
        "' holds a training already: go on with --resume, or choose another --out");
  ensure_directory(path_);
  write_file_atomic(known, print_train_config(config));
}

void TrainFolder::write_results(const TrainProgress& progress) const {
  if (progress.epochs.empty()) {
    return;
  }
  const TrainEpoch& newest = progress.epochs.back();
  std::string text = "epoch,step,seconds,lr,train/loss";
  for (const auto& [name, value] : newest.parts) {
    text += ",train/" + name;
  }
  for (const auto& [name, value] : newest.metrics) {
    text += ",val/" + name;
  }
  text += '\n';
  for (const TrainEpoch& epoch : progress.epochs) {
    text += fmt::format("{},{},{:.3f},{},{}", epoch.epoch, epoch.steps, epoch.seconds,
                        epoch.learning_rate, epoch.loss);
    // An epoch of an earlier build may lack some.
    for (const auto& [names, values] :
         {std::pair(&newest.parts, &epoch.parts), std::pair(&newest.metrics, &epoch.metrics)}) {
      for (const auto& [name, value] : *names) {
        text += fmt::format(",{}", values->find(name).value_or(std::nan("")));
      }
    }
    text += '\n';
  }
  write_file_atomic(file("results.csv"), view_of(text));
  write_events(progress);
}

void TrainFolder::write_events(const TrainProgress& progress) const {
  std::vector<StepScalars> steps;
  for (const TrainEpoch& epoch : progress.epochs) {
    StepScalars& step = steps.emplace_back(
        StepScalars{.step = epoch.epoch,
                    .wall_time = progress.started + epoch.seconds,
                    .scalars = {{"lr", epoch.learning_rate}, {"train/loss", epoch.loss}}});
    for (const auto& [name, value] : epoch.parts) {
      step.scalars.set("train/" + name, value);
    }
    for (const auto& [name, value] : epoch.metrics) {
      step.scalars.set("val/" + name, value);
    }
  }
  grow_file(file(kEventsFile), event_file(progress.started, steps));
}

void write_figures(const std::filesystem::path& folder,
                   const Figures& figures,
                   const at::Tensor& sheet,
                   std::optional<std::uint64_t> round) {
  constexpr int kQuality = 85;  // the sheet is part of a page
  const auto file = [&](const char* name) {
    return folder / (round ? of_round(name, *round) : name);
  };
  ensure_directory(folder);
  write_file_atomic(file(kFiguresFile), std::string_view(to_text(figures)));
  if (sheet.defined()) {
    data::write_picture(file(kSheetFile), sheet, kQuality);
  }
}

void TrainFolder::write_summary(const TrainSummary& summary) const {
  write_file_atomic(file("train.json"), view_of(summary_json(summary) + '\n'));
}

void TrainFolder::save_state(const StateDict& state, const TrainProgress& progress) const {
  // A mean loss may be no number; weights, which may not, are in files of their own, too.
  save_safetensors(file("state.safetensors"), state, {{kProgressKey, progress_text(progress)}},
                   Numbers::kAny);
}

std::optional<std::pair<StateDict, TrainProgress>> TrainFolder::load_state() const {
  const auto path = file("state.safetensors");
  if (!std::filesystem::exists(path)) {
    return std::nullopt;
  }
  SafetensorsFile saved = load_safetensors(path);
  const auto progress = saved.metadata.find(kProgressKey);
  check(progress != saved.metadata.end(), ErrorCode::kCorruptData, "[train] '", path.string(),
        "' is not the state of a training");
  try {
    return std::pair(std::move(saved.state), parse_progress(progress->second));
  } catch (const json::exception&) {
    fail(ErrorCode::kCorruptData, "[train] '", path.string(), "' is damaged; start anew");
  }
}

std::string summary_json(const TrainSummary& summary) {
  return json{{"task", summary.task},
              {"model", summary.model},
              {"kind", summary.kind},
              {"rank", summary.rank},
              {"epochs", summary.epochs},
              {"best_epoch", summary.best_epoch},
              {"main_metric", summary.metrics.main_name()},
              {"metrics", json_of(summary.metrics)},
              {"trained_parameters", summary.trained_parameters},
              {"total_parameters", summary.total_parameters},
              {"images_per_second", summary.images_per_second},
              {"peak_memory_mb", summary.peak_memory_mb},
              {"seconds", summary.seconds},
              {"digest", summary.digest},
              {"stopped", summary.stopped}}
      .dump();
}

}  // namespace lorae::training
