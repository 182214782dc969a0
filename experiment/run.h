#pragma once

#include <filesystem>
#include <memory>

#include "coordinator/coordinator.h"
#include "experiment/run_config.h"
#include "training/learner.h"

namespace lorae::experiment {

/// Everything that is made from a configuration for one method and one seed, before the first
/// round: what the coordinator, which does not know what a model is, gets from the program and the
/// simulator.
struct Run {
  training::Plan plan;
  StateDict backbone;
  std::filesystem::path backbone_path;
  Bytes backbone_file;  ///< what clients fetch
  StateDict initial;    ///< the first global state
  coordinator::ExchangeOptions exchange;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;  ///< of the plain model
};

/// How a method's states travel. `config`: of this method. `info` and `constant`: of the files that
/// its run saves.
coordinator::ExchangeOptions exchange_of(const RunConfig& config,
                                         const MethodConfig& method,
                                         adapters::AdapterInfo info,
                                         StateDict constant);

/// Meta key of a run's journal: the file with its backbone, where it was made.
inline constexpr std::string_view kBackboneKey = "backbone";

/// Trains (on the first device of the configuration) or loads the backbone (in `home`/backbones)
/// and builds the first global state. Errors: kInvalidConfig if the data set is missing; those of
/// the devices.
Run make_run(const RunConfig& config,
             const MethodConfig& method,
             std::uint64_t seed,
             const std::filesystem::path& home);

}  // namespace lorae::experiment
