#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"

namespace lorae::report {

/// Where a training of a sweep is.
enum class CellState {
  kNotRun,
  kStopped,  ///< begun, and to be gone on with
  kFailed,   ///< by `SweepRow::reason`, when it was last tried
  kDone,
};

/// One training of a sweep as one of its tables shows it.
struct SweepRow {
  std::string table = {}, data = {}, model = {};
  std::string kind = {};  ///< "lorae", "full" or "head"
  std::int64_t rank = 0;  ///< of kind lorae
  std::uint64_t seed = 0;
  std::int64_t updated_parameters = 0;  ///< that are trained
  /// What the paper would count: adapters by its rule, or the whole model; 0 where it has no rule.
  std::int64_t paper_count = 0;
  std::optional<double> paper_millions = {};  ///< of updated parameters, as it prints them
  std::string paper_note = {};                ///< how the last two compare; empty if it prints none
  Metrics paper = {};                         ///< that it prints
  std::filesystem::path folder = {};          ///< of the training; need not be there
  CellState state = CellState::kNotRun;
  std::string reason = {};
  Metrics metrics = {};  ///< of the best epoch
  double seconds = 0;    ///< of training and validation

  /// "full", "head", "r8".
  std::string method() const;
};

/// A data set of a sweep.
struct SweepData {
  std::string name;
  std::vector<std::string> metrics;  ///< columns of tables; the first one is drawn
  std::int64_t drawn_rank = 0;       ///< whose curves are drawn beside those of full training
};

struct SweepTable {
  std::string name, title;
  std::vector<std::string> data;
};

/// What `lorae sweep` trains, and what has come of it.
struct Sweep {
  std::string title = {};
  std::vector<SweepTable> tables = {};
  std::vector<SweepData> data = {};
  std::vector<SweepRow> rows =
      {};                   ///< by table, data, model and rank as they are shown; then by seed
  std::string config = {};  ///< TOML

  const SweepData& data_of(const std::string& name) const;
};

/// Takes over what its folder holds by now.
/// Errors: kCorruptData.
void take_result(SweepRow& row);

/// All seeds of a row.
struct SweepCell {
  const SweepRow* first = nullptr;  ///< the one with the first seed
  std::vector<const SweepRow*> seeds = {};

  bool done() const;  ///< all of them
  /// "not run", "stopped", "failed"; empty if all is done.
  std::string missing() const;
  /// Mean over the seeds that are done; NaN without one.
  double metric(const std::string& name) const;
  double spread(const std::string& name) const;  ///< half of highest - lowest
  double seconds() const;                        ///< mean likewise
};

/// Of one table and data set, in the order of the rows.
std::vector<SweepCell> cells_of(const Sweep& sweep,
                                const std::string& table,
                                const std::string& data);
/// Of one data set in whichever table, each training once.
std::vector<SweepCell> cells_of(const Sweep& sweep, const std::string& data);

/// sweep.json: {"schema", "title", "rows": [{"table", "data", "model", "kind", "rank", "seed",
/// "state", "updated_parameters", "paper_count", "paper": {metrics, "updated_millions"},
/// "paper_note", "metrics", "seconds", "folder", and "reason" of what failed}]}. "metrics" is empty
/// and "seconds" null without a result; "folder" is relative to `out`.
std::string to_json(const Sweep& sweep, const std::filesystem::path& out);

/// The tables, the paper's numbers beside ours, then the time of each rank, in 80 columns.
std::string sweep_text(const Sweep& sweep);
/// What would be trained, with its parameters beside the paper's, in 80 columns.
std::string plan_text(const Sweep& sweep);

}  // namespace lorae::report
