#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "aggregation/aggregator.h"
#include "aggregation/server_optimizer.h"
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
  std::int64_t per_device = 4;
  std::string baseline = "full";
  std::vector<std::string> lose = {};
  std::vector<std::int64_t> rank_max = {0};
};

template <typename Visitor>
void visit_fields(SimulationOptions& options, Visitor&& visit) {
  visit("seeds", options.seeds, between(0, 1e9), "each method runs once per seed");
  visit("threads", options.threads, between(0, 4096), "clients trained at once; 0: one per core");
  visit("per_device", options.per_device, between(1, 256), "clients trained at once on each GPU");
  visit("baseline", options.baseline, anything(),
        "name of the method that others are compared with");
  visit("lose", options.lose, anything(),
        "\"client-03@5\": that client loses its disk before it trains in round 5");
  visit("rank_max", options.rank_max, between(0, 1024),
        "of the clients in turn: components of adapters that each trains at most; 0: all");
}

/// The network, and what it starts from.
struct ModelConfig : models::ModelOptions {
  std::string weights;
  std::string adapter;
};

template <typename Visitor>
void visit_fields(ModelConfig& model, Visitor&& visit) {
  visit_fields(static_cast<models::ModelOptions&>(model), visit);
  visit("weights", model.weights, anything(), "safetensors of a backbone; empty: pre-train one");
  visit("adapter", model.adapter, anything(), "of an earlier run, to start from; empty: a new one");
}

/// The sections that may differ between the methods of a file: [methods.model], [methods.data] ...
struct Sections {
  ModelConfig model;
  training::DataOptions data;
  training::PretrainingOptions pretraining;
  training::FitOptions training;
  data::AugmentOptions augment = data::kNoAugmentation;
};

/// Calls visit(section, options) for each of them.
template <typename Own, typename Visit>
void visit_own(Own& own, Visit&& visit) {
  visit("model", own.model);
  visit("data", own.data);
  visit("pretraining", own.pretraining);
  visit("training", own.training);
  visit("augment", own.augment);
}

/// One of the methods that a file compares: what clients train and send, and what the coordinator
/// makes of it.
struct MethodConfig : training::MethodOptions {
  aggregation::RuleOptions rule;
  aggregation::ServerOptions server;
  Sections own;  ///< the file's sections, with what this method has of its own
};

template <typename Visitor>
void visit_fields(MethodConfig& method, Visitor&& visit) {
  visit_fields(static_cast<training::MethodOptions&>(method), visit);
  visit_fields(method.rule, visit);
  visit_part("server", method.server, visit);
}

/// Everything that a configuration file can say about a run, deployed or simulated. Its section
/// [server] is where each method's own server keys start from.
struct RunConfig : Sections {
  std::uint64_t seed = 0;
  DeviceOptions compute;
  coordinator::FederationOptions federation;
  NetworkOptions network;
  SimulationOptions simulation;
  std::vector<MethodConfig> methods = {MethodConfig{}};
};

/// Reads all sections and checks them; absent keys are those of `start`. Errors: kInvalidConfig.
RunConfig read_run_config(ConfigReader& reader, const RunConfig& start = {});

/// The same from a file, or none if it is empty, with what `override_keys` sets. Without a file and
/// without a data.path it is the demonstration.
RunConfig load_run_config(const std::string& file,
                          const std::function<void(ConfigReader&)>& override_keys);

/// A run for trying things out on pictures that Debian packages: private images of a domain that
/// the backbone has never seen. What runs without a file and without data of one's own.
RunConfig demonstration();
bool is_demonstration(const RunConfig& config);

/// The configuration of one of its methods: with its sections, and itself alone.
RunConfig of_method(const RunConfig& config, const MethodConfig& method);

/// Errors: kInvalidConfig, listing the methods, if several are compared and none of them is the
/// baseline.
void check_baseline(const RunConfig& config);

/// As TOML that read_run_config reads back.
std::string print_run_config(const RunConfig& config);
/// The same with one of its methods: what identifies a run, and how it is operated.
std::string print_run_config(const RunConfig& config, const MethodConfig& method);

/// The method called `name`, or the first one if `name` is empty.
/// Errors: kInvalidConfig, listing the methods.
const MethodConfig& find_method(const RunConfig& config, const std::string& name);

}  // namespace lorae::experiment
