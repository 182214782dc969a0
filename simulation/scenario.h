#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "coordinator/coordinator.h"
#include "data/partition.h"
#include "experiment/run.h"

namespace lorae::simulation {

/// The images that all methods and seeds of a simulation share, loaded once.
struct FederationData {
  data::DatasetPtr private_images;
  data::DatasetPtr test_images;
};

/// One method with one seed.
struct Scenario {
  experiment::RunConfig config;
  experiment::MethodConfig method;
  std::uint64_t seed = 0;
  std::filesystem::path directory;  ///< of this run; goes on where an interrupted one ended
  std::vector<at::Device> places;   ///< of the clients that train at once: workers.h
  /// A round is committed and measured.
  std::function<void(const coordinator::RoundSummary&, const Metrics&)> on_round;
};

struct ScenarioSpeed {
  std::int64_t trainings = 0;
  double seconds = 0;           ///< wall clock from the first round to the last
  double training_seconds = 0;  ///< inside trainings, summed over places
  double evaluation_seconds = 0;
};

/// Runs all rounds of `made`, which was prepared for this scenario, as `shares` were dealt for it.
/// Errors: those of the coordinator and of training.
ScenarioSpeed run_scenario(const Scenario& scenario,
                           experiment::Run made,
                           const FederationData& data,
                           const data::Shares& shares);

/// Where clients train at once: on CPUs a thread for each of `threads` or of the cores, on each GPU
/// `per_device` of them. Errors: those of open_devices.
std::vector<at::Device> places_of(const experiment::RunConfig& config);

/// Loads the private and the test images of the configuration's seed.
FederationData load_federation_data(const experiment::RunConfig& config);

/// Who holds what under `seed`. Errors: kInvalidConfig for more clients than can be served.
data::Shares shares_of(const experiment::RunConfig& config,
                       const FederationData& data,
                       std::uint64_t seed);

}  // namespace lorae::simulation
