#pragma once

#include <filesystem>
#include <functional>

#include "base/metrics.h"
#include "training/fit.h"
#include "training/train_config.h"

namespace lorae::training {

/// What a training gives, and `train.json` holds.
struct TrainSummary {
  std::string task, model, kind;
  std::int64_t rank = 0;
  std::int64_t epochs = 0;  ///< that were trained
  std::int64_t best_epoch = 0;
  Metrics metrics;  ///< of the best epoch; the main one first
  std::int64_t trained_parameters = 0, total_parameters = 0;
  double images_per_second = 0;  ///< of training, without validation
  double peak_memory_mb = 0;     ///< of all its processes
  double seconds = 0;            ///< of training and validation, those before a stop included
  std::string digest;            ///< of what was trained, after the last step
  bool stopped = false;          ///< before its end, because it was asked to
};

std::string summary_json(const TrainSummary& summary);

/// An epoch that was trained and measured: a row of results.csv.
struct TrainEpoch {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t steps = 0;
  double seconds = 0;
  double learning_rate = 0;  ///< of the last step
  double loss = 0;           ///< mean of training
  Metrics parts = {};        ///< of that loss, likewise; empty if the task names none
  Metrics metrics;           ///< of validation
};

struct TrainEvents {
  /// A training begins or goes on, in its folder; of stages each.
  std::function<void(std::int64_t images_in_all, const std::filesystem::path& folder)> on_start =
      {};
  std::function<void(const FitStep&)> on_step = {};
  std::function<void(const TrainEpoch&, bool best)> on_epoch = {};
  /// Asked between two batches; true saves and ends.
  std::function<bool()> should_stop = [] { return false; };
};

struct TrainSettings {
  TrainConfig config;
  std::filesystem::path out;  ///< folder
  bool resume = false;        ///< go on from out/state.safetensors
  bool float64 = false;       ///< compute in double, to compare with others
  bool measure_norm = false;  ///< of the gradients: FitStep has it, without clipping, too
};

/// Trains on the `train` half of a data set, measures the other half after each epoch, and keeps in
/// `out`: config.toml, results.csv (and its numbers as events for TensorBoard), best.safetensors
/// with figures.json and predictions.jpg, last.safetensors (for kind lorae adapter files, else
/// weights under the reference's names), ema.safetensors with an average, state.safetensors, and
/// train.json at the end. What a killed training left goes on with the bits of an undisturbed one.
/// Errors: kInvalidConfig for a folder that holds another training, or none to resume; those of the
/// data set, the weights and the disk.
TrainSummary train(const TrainSettings& settings, const TrainEvents& events = {});

}  // namespace lorae::training
