#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "aggregation/server_sgd.h"
#include "coordinator/federation_options.h"
#include "training/plan.h"

namespace lorae::experiment {

struct NetworkOptions {
  std::string bind = "tcp://127.0.0.1:7227";
};

template <typename Visitor>
void visit_fields(NetworkOptions& options, Visitor&& visit) {
  visit("bind", options.bind, anything(), "where clients reach the coordinator");
}

/// Used by lorae-simulate only; a coordinator reads past it, so that both take the same file.
struct SimulationOptions {
  std::vector<std::int64_t> seeds = {0};
  std::int64_t threads = 0;
  std::string baseline = "full";
};

template <typename Visitor>
void visit_fields(SimulationOptions& options, Visitor&& visit) {
  visit("seeds", options.seeds, between(0, 1e9), "each method runs once per seed");
  visit("threads", options.threads, between(0, 4096), "clients trained at once; 0: one per core");
  visit("baseline", options.baseline, anything(),
        "name of the method that others are compared with");
}

/// Everything that a configuration file can say about a run, deployed or simulated.
struct RunConfig {
  std::uint64_t seed = 0;
  models::ModelOptions model;
  training::DataOptions data;
  training::PretrainingOptions pretraining;
  training::FitOptions training;
  aggregation::ServerOptions server;
  coordinator::FederationOptions federation;
  NetworkOptions network;
  SimulationOptions simulation;
  std::vector<training::MethodOptions> methods = {training::MethodOptions{}};

  training::Plan plan(const training::MethodOptions& method, std::uint64_t run_seed) const {
    return {run_seed, model, data, training, method};
  }
};

/// Reads all sections and checks them. Errors: kInvalidConfig.
RunConfig read_run_config(ConfigReader& reader);

/// The same from a file, or the defaults if `file` is empty, with KEY=VALUE `overrides`.
RunConfig load_run_config(const std::string& file, const std::vector<std::string>& overrides);

/// As TOML that read_run_config reads back.
std::string print_run_config(const RunConfig& config);

/// The method called `name`, or the first one if `name` is empty.
/// Errors: kInvalidConfig, listing the methods.
const training::MethodOptions& find_method(const RunConfig& config, const std::string& name);

}  // namespace lorae::experiment
