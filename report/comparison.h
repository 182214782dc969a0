#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/metrics.h"
#include "base/result.h"

namespace lorae::report {

/// What the global model of an evaluated round reached, and what it had cost until then.
struct EvaluatedRound {
  RoundId round = {};
  double metric = 0;  ///< the main metric
  double bytes = 0;   ///< framed, of all clients so far, both directions, without the backbone
};

/// What a committed round cost and reached. Units: framed bytes of all clients, without the
/// backbone.
struct RoundRecord {
  RoundId round = {};
  Metrics metrics;          ///< of the global model after it; empty if it was not measured
  std::int64_t cohort = 0;  ///< clients that were asked
  std::int64_t updates = 0;
  double uplink_bytes = 0;
  double downlink_bytes = 0;
  double control_bytes = 0;  ///< part of both
  double seconds = 0;

  bool operator==(const RoundRecord&) const = default;
};

/// One federated training of a comparison: one method with one seed.
///
/// Units: framed bytes, control messages included; of a direction, unless it says otherwise.
struct ComparisonRun {
  std::string name;  ///< groups the seeds of one method: "lorae-8", "full"
  std::string method;
  std::uint64_t seed = 0;
  std::int64_t rounds = 0;          ///< that are done
  std::int64_t planned_rounds = 0;  ///< 0: as many as are done
  std::int64_t clients = 0;
  std::int64_t cohort = 0;  ///< clients per round
  /// Of the last global models. The main one is a fraction of 1, and more of it is better. Empty if
  /// nothing was measured.
  Metrics metrics;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  double uplink_bytes_per_client_round = 0;
  double downlink_bytes_per_client_round = 0;
  double control_bytes_per_client_round = 0;  ///< of no model and no update, both directions
  double backbone_bytes_once = 0;             ///< what a client fetches before its first round
  double seconds = 0;
  std::string digest;                 ///< of the last global model, in hex
  std::vector<EvaluatedRound> curve;  ///< in the order of the rounds
  std::vector<RoundRecord> by_round;  ///< likewise, with all that is known of each
};

struct Comparison {
  std::string baseline = "full";  ///< the run name that the others are compared with
  std::vector<ComparisonRun> runs;
  std::optional<double> target;  ///< of the main metric; see `target_of`
};

/// The runs' main metrics, in order of appearance; runs that measured nothing have none.
std::vector<std::string> main_metrics(const Comparison& comparison);

/// What a run has to reach.
struct Target {
  std::string metric;  ///< the baseline's main metric
  double value = 0;
};

/// `Comparison::target`, or 95 % of the baseline's mean final main metric; none if it has none.
std::optional<Target> target_of(const Comparison& comparison);

/// When a run name reached the target: at the first evaluated round whose metric is at least the
/// target. Means over the seeds of the name.
struct BytesToTarget {
  double target = 0;
  double bytes = 0;  ///< as `EvaluatedRound::bytes`
  double round = 0;
};

/// How one run name fares against the baseline: means over the seeds that both have.
struct Ratio {
  std::string name;
  std::int64_t seeds = 0;     ///< that both have
  double uplink_ratio = 0;    ///< baseline bytes / run bytes; nan if the run sent none
  double downlink_ratio = 0;  ///< likewise
  double total_ratio = 0;     ///< likewise, of uplink + downlink
  std::string main_metric;    ///< that both have; "" if they have none in common
  /// Run - baseline in the main metric, in fractions, over the seeds where both measured it; nan if
  /// there is none.
  double metric_difference = 0;
  /// Standard error of that mean: sample standard deviation / sqrt(seeds); nan for one seed.
  double metric_difference_se = 0;
  /// Over all seeds of the name; none if one of them did not reach it.
  std::optional<BytesToTarget> bytes_to_target;
};

/// One entry for each run name but the baseline, in order of appearance; none for a name that
/// shares no seed with the baseline.
std::vector<Ratio> ratios(const Comparison& comparison);

/// The text of comparison.json, schema 2; numbers that are not finite become null.
///
/// Top level: "schema", "baseline", "target" if there is one, "runs", "ratios". A run has the
/// fields of ComparisonRun, "main_metric" ("" if there is none), and "accuracy" where that is top1;
/// its "curve" is a list of [round, metric, bytes], "by_round" one of objects with the fields of
/// RoundRecord. A ratio has the fields of Ratio but
/// main_metric, and "accuracy_difference" where that is top1.
std::string to_json(const Comparison& comparison);

/// Errors: kUnavailable if the file cannot be written.
void write_comparison(const std::filesystem::path& path, const Comparison& comparison);

/// Ignores the ratios in the file, which follow from the runs, and keys it does not know. A run
/// without a curve, rounds or planned rounds has none.
/// Errors: kInvalidConfig if the file cannot be read; kIncompatible for another schema;
///         kCorruptData if a key is missing or has another type.
Result<Comparison> read_comparison(const std::filesystem::path& path);

/// All seeds of one run name, in one row.
struct ComparisonSummary {
  std::string name;
  std::string method;
  std::int64_t seeds = 0;
  std::int64_t rounds = 0;          ///< of the seed that has the fewest
  std::int64_t planned_rounds = 0;  ///< of the seed that wants most; 0: not known
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  double uplink_bytes = 0;    ///< mean, per client and round
  double downlink_bytes = 0;  ///< mean, per client and round
  std::string main_metric;    ///< "" if nothing was measured
  double metric = 0;          ///< mean of the main metric; nan if nothing was measured
  double metric_low = 0;      ///< likewise
  double metric_high = 0;     ///< likewise
  double seconds = 0;         ///< mean
  /// Against the baseline, which has ratios of 1 and a difference of 0; nan where there is none.
  Ratio ratio;
  bool is_baseline = false;

  bool running = false;  ///< a seed has rounds to go
};

/// The run names in order of appearance.
std::vector<std::string> run_names(const Comparison& comparison);

/// "lorae-8 and head against full": what is compared.
std::string title_of(const Comparison& comparison);

/// One entry for each run name, in order of appearance.
std::vector<ComparisonSummary> summaries(const Comparison& comparison);

/// A line for each run and round, as CSV: name, method, seed, the fields of RoundRecord, what both
/// directions had cost so far, and a column for each metric of any run.
std::string curves_csv(const Comparison& comparison);

/// The aligned plain-text table that a simulation ends with.
std::string comparison_table(const Comparison& comparison,
                             std::size_t columns = std::numeric_limits<std::size_t>::max());

}  // namespace lorae::report
