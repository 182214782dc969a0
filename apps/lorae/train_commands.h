#pragma once

#include <filesystem>
#include <functional>
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
  std::string run;  ///< folder of a training or a federated run: weights, adapter and the rest
  std::int64_t batch = 100;
  std::int64_t top = 5;
  std::string save;  ///< predict: folder for pictures with what they show; empty: none
  bool as_json = false;
};

void run_val(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides);
void run_predict(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides);

}  // namespace lorae::apps
