#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/run_config.h"

namespace lorae::simulation {

/// Framed bytes per client and round, over a whole run; the backbone, fetched once, apart.
struct BytesForecast {
  std::string method;
  double uplink = 0;
  double downlink = 0;
};

/// What the methods of a configuration will send, from their first three rounds, which are run for
/// real with the first seed: how well an update compresses depends on the data. What a later round
/// takes is told by these: updates by the mean of the three, the model by the second and third,
/// control messages by a client of the second that has the backbone already. Updates that compress
/// ever better, as those of full weights do while training converges, are thus over-estimated.
/// `home`: for cached backbones, and the runs' files for as long as this takes.
/// Errors: those of simulate().
std::vector<BytesForecast> forecast_bytes(experiment::RunConfig config,
                                          const std::filesystem::path& home);

}  // namespace lorae::simulation
