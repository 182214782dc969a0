#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace lorae::experiment {

/// By what, and in which order, the updates of a run are aggregated again.
struct ReplayOptions {
  std::string rule = {};                      ///< empty: the run's own
  std::string server = {};                    ///< server optimiser; empty: the run's own
  std::optional<std::uint64_t> shuffle = {};  ///< seed of the order; nothing: by the clients' names
  std::int64_t parts = 1;                     ///< that are summed by themselves and then merged
};

struct ReplayedRound {
  RoundId round = {};
  std::string digest;           ///< of the state after it, in hex
  std::string recorded_digest;  ///< as the run had it
  /// Norm of the difference of both states over that of the recorded step; 0 for equal bits.
  double difference = 0;
};

struct Replay {
  std::string rule, server;
  std::vector<ReplayedRound> rounds;
};

/// Aggregates each round of a run with `federation.keep_updates` again, each from the state that
/// the run had before it. With the run's own rule and server, and in any order and number of parts,
/// digests are the recorded ones. Another server optimiser has no moments in any round.
/// Errors: kInvalidConfig for a folder without a run or without updates, an unknown rule or server,
/// parts below 1, or more than one of a rule that has none; kCorruptData for what is damaged.
Replay replay(const std::filesystem::path& run, const ReplayOptions& options);

}  // namespace lorae::experiment
