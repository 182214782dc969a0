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

/// Runs every method with every seed, one run directory each under `out`/runs, and writes
/// config.toml, comparison.json, curves.csv and report.html into `out`. With `resume` it goes
/// on with what `out` holds; methods, seeds and rounds may be added to that.
/// Errors: kInvalidConfig if `out` holds results and `resume` is not set, or if it is and something
/// else differs: which key; kCorruptData if `out` holds runs but no config.toml.
report::Comparison simulate(const SimulationSettings& settings);

}  // namespace lorae::simulation
