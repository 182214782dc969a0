#pragma once

#include <filesystem>

#include "experiment/run_config.h"
#include "report/comparison.h"

namespace lorae::simulation {

struct SimulationSettings {
  experiment::RunConfig config;
  std::filesystem::path home;
  std::filesystem::path out;
  bool resume = false;
};

/// The run directory of one method and seed under a simulation's `out`.
std::filesystem::path run_path(const std::filesystem::path& out,
                               const training::MethodOptions& method,
                               std::int64_t seed);

/// Runs every method with every seed, one run directory each under `out`/runs, and writes
/// config.toml, comparison.json, comparison.svg and report.html into `out`. With `resume` it goes
/// on with what `out` holds; methods, seeds and rounds may be added to that.
/// Errors: kInvalidConfig if `out` holds results and `resume` is not set, or if it is and something
/// else differs: which key; kCorruptData if `out` holds runs but no config.toml.
report::Comparison simulate(const SimulationSettings& settings);

/// Writes the results again from the run directories under `out`, finished or not.
/// Errors: kInvalidConfig if `out` is no folder of a simulation.
report::Comparison rebuild_results(const std::filesystem::path& out);

}  // namespace lorae::simulation
