#pragma once

#include <cstdint>
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
  /// By how much these may be off if rounds go on as different as those that were run: half their
  /// range, over the rounds that were not.
  double uplink_spread = 0;
  double downlink_spread = 0;
};

/// What the methods of a configuration will send, from their first rounds, which are run for real
/// with the first seed: how well an update compresses depends on the data. What a later round takes
/// is told by these: by the second half of them, or, of three or less, updates by all, the model by
/// all but the first, and control messages by a client of the second that is in already; where the
/// head starts from class means (`head_start`), both without one round more. Updates
/// that compress ever better, as those of full weights do while training converges, are
/// over-estimated, and differences to ever older states (`lattice`) under-estimated: both the less
/// the more rounds are run. `measured`: how many to run, at least 2, with class means 3. `home`:
/// for cached backbones, and the runs' files for as long as this takes. Errors: those of
/// simulate().
std::vector<BytesForecast> forecast_bytes(experiment::RunConfig config,
                                          const std::filesystem::path& home,
                                          std::int64_t measured);

}  // namespace lorae::simulation
