#include "report/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/str.h"

namespace lorae::report {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kTargetShare = 0.95;
constexpr std::size_t kNamesInATitle = 4;

/// One number of several seeds.
class Sample {
 public:
  void add(double value) { values_.push_back(value); }

  std::int64_t size() const { return static_cast<std::int64_t>(values_.size()); }
  double low() const {
    return values_.empty() ? kUndefined : *std::min_element(values_.begin(), values_.end());
  }
  double high() const {
    return values_.empty() ? kUndefined : *std::max_element(values_.begin(), values_.end());
  }
  double mean() const {
    double sum = 0;
    for (const double value : values_) {
      sum += value;
    }
    return values_.empty() ? kUndefined : sum / static_cast<double>(values_.size());
  }
  /// Of the mean.
  double standard_error() const {
    if (values_.size() < 2) {
      return kUndefined;
    }
    const auto count = static_cast<double>(values_.size());
    double squares = 0;
    for (const double value : values_) {
      squares += (value - mean()) * (value - mean());
    }
    return std::sqrt(squares / (count - 1) / count);
  }

 private:
  std::vector<double> values_;
};

void add_new(std::vector<std::string>& words, const std::string& word) {
  if (std::find(words.begin(), words.end(), word) == words.end()) {
    words.push_back(word);
  }
}

/// The main metric of the first seed that has one; "" if none has.
std::string main_metric_of(const Comparison& comparison, const std::string& name) {
  for (const ComparisonRun& run : comparison.runs) {
    if (run.name == name && !run.metrics.empty()) {
      return run.metrics.main_name();
    }
  }
  return "";
}

/// A run's main metric, if it is this one and was measured.
std::optional<double> measured(const ComparisonRun& run, const std::string& metric) {
  const std::optional<double> value =
      run.metrics.main_name() == metric ? run.metrics.find(metric) : std::nullopt;
  return value && std::isfinite(*value) ? value : std::nullopt;
}

double per_run(double baseline_bytes, double bytes) {
  return bytes > 0 ? baseline_bytes / bytes : kUndefined;
}

std::optional<BytesToTarget> bytes_to_target(const Comparison& comparison,
                                             const std::string& name) {
  const std::optional<Target> target = target_of(comparison);
  if (!target) {
    return std::nullopt;
  }
  Sample bytes;
  Sample rounds;
  for (const ComparisonRun& run : comparison.runs) {
    if (run.name != name) {
      continue;
    }
    const auto reached =
        std::find_if(run.curve.begin(), run.curve.end(),
                     [&](const EvaluatedRound& point) { return point.metric >= target->value; });
    if (run.metrics.main_name() != target->metric || reached == run.curve.end()) {
      return std::nullopt;
    }
    bytes.add(reached->bytes);
    rounds.add(static_cast<double>(reached->round.value));
  }
  return BytesToTarget{target->value, bytes.mean(), rounds.mean()};
}

using Baselines = std::map<std::uint64_t, const ComparisonRun*>;

Ratio ratio_of(const Comparison& comparison,
               const Baselines& baselines,
               const std::string& name,
               const std::string& metric) {
  Sample uplink;
  Sample downlink;
  Sample total;
  Sample difference;
  for (const ComparisonRun& run : comparison.runs) {
    const auto found = baselines.find(run.seed);
    if (run.name != name || found == baselines.end()) {
      continue;
    }
    const ComparisonRun& base = *found->second;
    uplink.add(per_run(base.uplink_bytes_per_client_round, run.uplink_bytes_per_client_round));
    downlink.add(
        per_run(base.downlink_bytes_per_client_round, run.downlink_bytes_per_client_round));
    total.add(per_run(base.uplink_bytes_per_client_round + base.downlink_bytes_per_client_round,
                      run.uplink_bytes_per_client_round + run.downlink_bytes_per_client_round));
    const std::optional<double> ours = measured(run, metric);
    const std::optional<double> theirs = measured(base, metric);
    if (ours && theirs) {
      difference.add(*ours - *theirs);
    }
  }
  return {.name = name,
          .seeds = uplink.size(),
          .uplink_ratio = uplink.mean(),
          .downlink_ratio = downlink.mean(),
          .total_ratio = total.mean(),
          .main_metric = difference.size() > 0 ? metric : "",
          .metric_difference = difference.mean(),
          .metric_difference_se = difference.standard_error(),
          .bytes_to_target = bytes_to_target(comparison, name)};
}

/// The baseline against itself, or a name that shares no seed with it.
Ratio fixed_ratio(const Comparison& comparison, const std::string& name, bool is_baseline) {
  const double ratio = is_baseline ? 1 : kUndefined;
  return {.name = name,
          .seeds = 0,
          .uplink_ratio = ratio,
          .downlink_ratio = ratio,
          .total_ratio = ratio,
          .main_metric = is_baseline ? main_metric_of(comparison, name) : "",
          .metric_difference = is_baseline ? 0 : kUndefined,
          .metric_difference_se = kUndefined,
          .bytes_to_target = bytes_to_target(comparison, name)};
}

ComparisonSummary summary_of(const Comparison& comparison, const std::string& name) {
  ComparisonSummary summary;
  summary.name = name;
  summary.is_baseline = name == comparison.baseline;
  summary.main_metric = main_metric_of(comparison, name);
  Sample uplink;
  Sample downlink;
  Sample metric;
  Sample seconds;
  for (const ComparisonRun& run : comparison.runs) {
    if (run.name != name) {
      continue;
    }
    summary.rounds = summary.seeds == 0 ? run.rounds : std::min(summary.rounds, run.rounds);
    summary.planned_rounds = std::max(summary.planned_rounds, run.planned_rounds);
    summary.running |= run.rounds < run.planned_rounds;
    ++summary.seeds;
    summary.method = run.method;
    summary.trainable_parameters = run.trainable_parameters;
    summary.total_parameters = run.total_parameters;
    uplink.add(run.uplink_bytes_per_client_round);
    downlink.add(run.downlink_bytes_per_client_round);
    seconds.add(run.seconds);
    if (const std::optional<double> value = measured(run, summary.main_metric)) {
      metric.add(*value);
    }
  }
  summary.uplink_bytes = uplink.mean();
  summary.downlink_bytes = downlink.mean();
  summary.metric = metric.mean();
  summary.metric_low = metric.low();
  summary.metric_high = metric.high();
  summary.seconds = seconds.mean();
  return summary;
}

}  // namespace

std::vector<std::string> run_names(const Comparison& comparison) {
  std::vector<std::string> found;
  for (const ComparisonRun& run : comparison.runs) {
    add_new(found, run.name);
  }
  return found;
}

std::string title_of(const Comparison& comparison) {
  std::vector<std::string> others = run_names(comparison);
  const bool has_baseline = std::erase(others, comparison.baseline) > 0;
  if (others.size() > kNamesInATitle) {
    others = {str(others.size(), " methods")};
  }
  std::string title;
  for (std::size_t i = 0; i < others.size(); ++i) {
    title += (i == 0 ? "" : i + 1 == others.size() ? " and " : ", ") + others[i];
  }
  return !has_baseline    ? title
         : others.empty() ? comparison.baseline
                          : title + " against " + comparison.baseline;
}

std::vector<std::string> main_metrics(const Comparison& comparison) {
  std::vector<std::string> found;
  for (const ComparisonRun& run : comparison.runs) {
    if (!run.metrics.empty()) {
      add_new(found, run.metrics.main_name());
    }
  }
  return found;
}

std::optional<Target> target_of(const Comparison& comparison) {
  const std::string metric = main_metric_of(comparison, comparison.baseline);
  if (comparison.target) {
    const std::vector<std::string> all = main_metrics(comparison);
    if (all.empty()) {
      return std::nullopt;
    }
    return Target{metric.empty() ? all.front() : metric, *comparison.target};
  }
  Sample reached;
  for (const ComparisonRun& run : comparison.runs) {
    const std::optional<double> value = measured(run, metric);
    if (run.name == comparison.baseline && value) {
      reached.add(*value);
    }
  }
  return reached.size() == 0 ? std::nullopt
                             : std::optional(Target{metric, kTargetShare * reached.mean()});
}

std::vector<Ratio> ratios(const Comparison& comparison) {
  Baselines baselines;
  for (const ComparisonRun& run : comparison.runs) {
    if (run.name == comparison.baseline) {
      baselines.emplace(run.seed, &run);
    }
  }
  const std::string metric = main_metric_of(comparison, comparison.baseline);
  std::vector<Ratio> result;
  for (const std::string& name : run_names(comparison)) {
    const Ratio ratio = ratio_of(comparison, baselines, name, metric);
    if (name != comparison.baseline && ratio.seeds > 0) {
      result.push_back(ratio);
    }
  }
  return result;
}

std::vector<ComparisonSummary> summaries(const Comparison& comparison) {
  const std::vector<Ratio> all_ratios = ratios(comparison);
  std::vector<ComparisonSummary> result;
  for (const std::string& name : run_names(comparison)) {
    ComparisonSummary& summary = result.emplace_back(summary_of(comparison, name));
    const auto ratio = std::find_if(all_ratios.begin(), all_ratios.end(),
                                    [&](const Ratio& other) { return other.name == name; });
    summary.ratio =
        ratio != all_ratios.end() ? *ratio : fixed_ratio(comparison, name, summary.is_baseline);
  }
  return result;
}

}  // namespace lorae::report
