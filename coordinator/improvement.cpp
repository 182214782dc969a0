#include "coordinator/improvement.h"

#include <algorithm>
#include <cmath>

namespace lorae::coordinator {

Improvement::Improvement(const runs::Journal& journal)
    : metric_(journal.meta(runs::kMainMetricKey).value_or("")) {
  for (const runs::RoundRecord& record : journal.rounds()) {
    if (const auto value = record.metrics.find(metric_)) {
      measured(record.round, {{metric_, *value}});
    }
  }
}

bool Improvement::measured(RoundId round, const Metrics& metrics) {
  if (metrics.empty()) {
    return false;
  }
  if (metric_ != metrics.main_name()) {  // a run that is judged in another way from now on
    *this = {};
    metric_ = metrics.main_name();
  }
  last_round_ = std::max(last_round_, round);
  const double value = metrics.find(metric_).value();
  const bool better = best_ ? value > *best_ : !std::isnan(value);
  if (better) {
    best_ = value;
    best_round_ = round;
  }
  return better || (best_ && round == best_round_);
}

bool is_over(const runs::Journal& journal, const FederationOptions& options) {
  const RoundId done = journal.last_committed();
  return (done >= last_round(options) || Improvement(journal).has_stopped(options.stop)) &&
         journal.meta(runs::kMeasuredKey) == std::to_string(done.value);
}

}  // namespace lorae::coordinator
