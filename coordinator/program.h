#pragma once

#include <filesystem>
#include <memory>

#include "coordinator/coordinator.h"
#include "coordinator/run_config.h"
#include "training/learner.h"

namespace lorae::coordinator {

/// What a coordinator needs of one method and seed before its first round. The library itself does
/// not know what a model is; this file, which the program and the simulator share, does.
struct Experiment {
  training::Plan plan;
  StateDict backbone;
  Bytes backbone_file;  ///< what clients fetch
  StateDict initial;    ///< the first global state
  GlobalModelOptions model_options;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;  ///< of the plain model
};

/// Trains or loads the backbone (in `home`/backbones) and builds the first global state.
/// Errors: kInvalidConfig if the data set is missing.
Experiment prepare_experiment(const RunConfig& config,
                              const training::MethodOptions& method,
                              std::uint64_t seed,
                              const std::filesystem::path& home);

/// A random number that differs between starts.
std::uint64_t random_epoch();

}  // namespace lorae::coordinator
