#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/config_reader.h"

namespace lorae::apps {

// The subcommands of `lorae` that train a model and use it. Errors: lorae::Error.

struct TrainArguments {
  std::string data, config, out, log_steps, augment;
  bool resume = false, as_json = false, float64 = false, no_shuffle = false;
};

/// Trains; SIGINT and SIGTERM save and end. `overrides`: of flags.
/// Returns the exit status: 130 if it was stopped.
int run_train(const TrainArguments& asked, const std::function<void(ConfigReader&)>& overrides);

struct UseArguments {
  std::vector<std::string> sources;  ///< val: one folder; predict: pictures and folders of them
  std::string config, weights, adapter;
  std::string run;    ///< folder of a training or a federated run: weights, adapter and the rest
  std::string watch;  ///< predict: folder into which pictures come
  std::string adapter_from;  ///< predict: home, or folder as `run`, whose newest model is used
  std::optional<std::int64_t> batch;  ///< images at once
  std::int64_t top = 5;
  std::string save;  ///< predict: folder for pictures with what they show; empty: none
  std::string out;   ///< val: folder for figures and a page of them; empty: none
  // Of detectors; what is not given is as the task has it.
  std::optional<double> confidence, overlap;
  std::optional<std::int64_t> most;  ///< detections of a picture
  std::string protocol = "ultralytics";
  bool square = false;      ///< frames are not of the pictures' proportions
  std::string save_json;    ///< val: file for COCO results
  std::string predictions;  ///< val: such a file, judged instead of a model
  bool best_class = false;  ///< a box counts for its best class alone
  bool float64 = false;
  bool as_json = false;
};

void run_val(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides);
void run_predict(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides);

}  // namespace lorae::apps
