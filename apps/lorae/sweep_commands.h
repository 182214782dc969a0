#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/config_reader.h"

namespace CLI {
class App;
}  // namespace CLI

namespace lorae::apps {

/// Adds `sweep`: many trainings, and their tables.
void add_sweep_command(CLI::App& app);

struct SweepArguments {
  std::string config;
  std::string data;               ///< folder of all data sets and weights
  std::string out;                ///< folder; empty: sweep-NAME of the configuration's file
  std::vector<std::string> only;  ///< tables; empty: all
  bool skip_missing = false;      ///< data sets that are not there are no failures
  bool dry_run = false, as_json = false;
};

/// Trains what is not trained yet, each in a folder of its own, and writes sweep.json and
/// sweep.html after each; SIGINT and SIGTERM save and end. `overrides`: of every training.
/// Returns the exit status: 130 if it was stopped. Errors: as read_sweep_plan; at the end, the
/// first training's that failed.
int run_sweep(const SweepArguments& asked, const std::function<void(ConfigReader&)>& overrides);

}  // namespace lorae::apps
