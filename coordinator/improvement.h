#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/metrics.h"
#include "coordinator/federation_options.h"
#include "runs/journal.h"

namespace lorae::coordinator {

/// Which of a run's global states was the best by the main metric of evaluations (higher is better;
/// of equal ones the first), and since when there was none. Threads: none.
class Improvement {
 public:
  Improvement() = default;
  /// What the journal's rounds say.
  explicit Improvement(const runs::Journal& journal);

  /// True if `metrics` are better than all before, or if they are those of the best round again.
  bool measured(RoundId round, const Metrics& metrics);

  /// 0 if nothing was measured.
  RoundId best_round() const { return best_round_; }
  std::optional<double> best() const { return best_; }
  const std::string& metric() const { return metric_; }

  /// True if the last `patience` rounds or more that were measured brought nothing better; false
  /// for a patience of 0. Rounds that nobody measured count: time goes on in rounds.
  bool has_stopped(std::int64_t patience) const {
    return patience > 0 && best_ &&
           static_cast<std::int64_t>(last_round_.value - best_round_.value) >= patience;
  }

 private:
  std::string metric_;
  std::optional<double> best_;
  RoundId best_round_;
  RoundId last_round_;
};

/// True if there is nothing left to do in a run: no round, no evaluation.
bool is_over(const runs::Journal& journal, const FederationOptions& options);

}  // namespace lorae::coordinator
