#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace lorae::report {

/// One federated training of a comparison: one method with one seed.
struct ComparisonRun {
  std::string name;  ///< groups the seeds of one method: "lorae-8", "full"
  std::string method;
  std::uint64_t seed = 0;
  std::int64_t rounds = 0;
  std::int64_t clients = 0;
  std::int64_t cohort = 0;  ///< clients per round
  double accuracy = 0;      ///< of the last global model, a fraction 0 to 1
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  double uplink_bytes_per_client_round = 0;
  double downlink_bytes_per_client_round = 0;
  double backbone_bytes_once = 0;  ///< what a client fetches before its first round
  double seconds = 0;
  std::string digest;  ///< of the last global model, in hex
};

struct Comparison {
  std::string baseline = "full";  ///< the run name that the others are compared with
  std::vector<ComparisonRun> runs;
};

/// How one run name fares against the baseline: means over the seeds that both have.
struct Ratio {
  std::string name;
  double uplink_ratio = 0;         ///< baseline bytes / run bytes; nan if the run sent none
  double downlink_ratio = 0;       ///< likewise
  double accuracy_difference = 0;  ///< run - baseline, in fractions
};

/// One entry for each run name but the baseline, in order of appearance; none for a name that
/// shares no seed with the baseline.
std::vector<Ratio> ratios(const Comparison& comparison);

/// The text of comparison.json, schema 1; numbers that are not finite become null.
std::string to_json(const Comparison& comparison);

/// Errors: kUnavailable if the file cannot be written.
void write_comparison(const std::filesystem::path& path, const Comparison& comparison);

/// Ignores the ratios in the file, which follow from the runs, and keys it does not know.
/// Errors: kInvalidConfig if the file cannot be read; kIncompatible for another schema;
///         kCorruptData if a key is missing or has another type.
Result<Comparison> read_comparison(const std::filesystem::path& path);

/// All seeds of one run name, in one row.
struct ComparisonSummary {
  std::string name;
  std::string method;
  std::int64_t seeds = 0;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  double uplink_bytes = 0;    ///< mean, per client and round
  double downlink_bytes = 0;  ///< mean, per client and round
  double accuracy = 0;        ///< mean
  double accuracy_low = 0;
  double accuracy_high = 0;
  double seconds = 0;              ///< mean
  double uplink_ratio = 0;         ///< 1 for the baseline, nan if there is none
  double downlink_ratio = 0;       ///< 1 for the baseline, nan if there is none
  double accuracy_difference = 0;  ///< 0 for the baseline, nan if there is none
  bool is_baseline = false;
};

/// One entry for each run name, in order of appearance.
std::vector<ComparisonSummary> summaries(const Comparison& comparison);

/// The aligned plain-text table that a simulation ends with.
std::string comparison_table(const Comparison& comparison);

}  // namespace lorae::report
