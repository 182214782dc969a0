#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/figures.h"
#include "report/comparison.h"
#include "runs/journal.h"

namespace lorae::report {

/// One of the clients that a run has had to do with.
struct ClientRecord {
  std::string name;
  std::int64_t asked = 0;     ///< committed rounds that it was in the cohort of
  std::int64_t reported = 0;  ///< committed rounds that it gave an update for
  double uplink_bytes = 0;    ///< framed, without the backbone
  double downlink_bytes = 0;  ///< likewise
  double backbone_bytes = 0;
  std::vector<std::int64_t> examples;  ///< of each class; empty if it told none
  Metrics metrics;                     ///< of its last update
};

/// What the journal of one run says of its committed rounds.
struct RunRecord {
  std::string main_metric;  ///< "" if nothing was measured
  std::vector<RoundRecord> rounds;
  RoundRecord before;  ///< bytes before the first round: what clients and coordinator said
  std::vector<runs::LedgerRow> ledger;  ///< of the run: by direction, layer, stage
  std::vector<ClientRecord> clients;    ///< by name
  std::vector<std::string> class_names;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  bool finished = false;  ///< it has had its rounds, or improved no more
  std::string digest;     ///< of the last global model, in hex
  RoundId judged_round = {};
  std::optional<Figures> judged = {};  ///< the newest figures in the folder, after that round

  /// Trainings that came in; at least 1, to divide by.
  double client_rounds() const;
};

/// How far the clients' mixes of classes are from each other; nullopt if none told its own.
std::optional<double> skew_of(const RunRecord& run);

/// Reads the journal in `folder`, whether or not a process works on it, and its newest figures.
/// Errors: as runs::Journal for kRead; kCorruptData for figures that are none.
RunRecord read_run(const std::filesystem::path& folder);

/// Its line in a comparison; the caller knows the method, the seed and what was planned.
ComparisonRun comparison_run(const RunRecord& record);

}  // namespace lorae::report
