#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/config_difference.h"
#include "experiment/run_config.h"
#include "runs/run_directory.h"

namespace lorae::experiment {

/// What differs between two runs that would make them different runs, because it changes results:
/// model, data, training, method, server, seed, clients.
std::vector<ConfigDifference> identity_differences(const RunConfig& before, const RunConfig& now);
/// What differs in how a run is operated: rounds, deadlines, ports, threads. A run that goes on
/// takes the new values.
std::vector<ConfigDifference> operating_differences(const RunConfig& before, const RunConfig& now);

/// Which run a coordinator carries out.
struct RunChoice {
  std::filesystem::path path;             ///< of its folder
  bool is_new = true;                     ///< the folder is to be made
  RoundId committed = {};                 ///< its last round
  std::vector<ConfigDifference> changed;  ///< operating keys that the run had other values for
  std::vector<std::string> passed_by;  ///< runs that cannot be read and are not this one, and why
};

/// Among the runs in `folder` the newest one that `config` (of one method) identifies, else a new
/// one. `fresh`: a new one in any case.
/// Errors: kCorruptData or kIncompatible if that run, or one that cannot be told from it, is
/// damaged or of another format; kInvalidConfig if it is a new run, but another one was left
/// unfinished: which one, where it stopped, which keys differ, and what to do.
RunChoice choose_run(const std::filesystem::path& folder, const RunConfig& config, bool fresh);

/// The run in the folder `run`, whatever else there is.
/// Errors: as choose_run; kInvalidConfig if it holds no run, or that of another configuration.
RunChoice choose_this_run(const std::filesystem::path& run, const RunConfig& config);

}  // namespace lorae::experiment
