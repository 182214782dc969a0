#include "report/curves.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "report/sections.h"

namespace lorae::report {
namespace {

/// Joins the seeds of one name: points of the same round become one, because seeds differ a little
/// in bytes.
class SeedPoints {
 public:
  void add(RoundId round, double x, double y) {
    const auto [place, first] =
        points_.try_emplace(round, Point{.x = 0, .y = 0, .low = y, .high = y}, 0);
    auto& [point, count] = place->second;
    ++count;
    point.x += (x - point.x) / count;
    point.y += (y - point.y) / count;
    point.low = std::min(point.low, y);
    point.high = std::max(point.high, y);
  }

  std::vector<Point> points() const {
    std::vector<Point> result;
    for (const auto& [round, value] : points_) {
      result.push_back(value.first);
    }
    return result;
  }

 private:
  std::map<RoundId, std::pair<Point, int>> points_;
};

std::vector<Series> curves(const Comparison& comparison, const std::string& metric, Over over) {
  std::vector<Series> result;
  for (const std::string& name : run_names(comparison)) {
    SeedPoints joined;
    for (const ComparisonRun& run : comparison.runs) {
      double bytes = 0;
      for (const RoundRecord& round : run.by_round) {
        bytes += round.uplink_bytes + (over == Over::kBothWays ? round.downlink_bytes : 0);
        const std::optional<double> value = round.metrics.find(metric);
        if (run.name == name && value && std::isfinite(*value)) {
          joined.add(round.round,
                     over == Over::kRounds ? static_cast<double>(round.round.value) : bytes,
                     *value);
        }
      }
    }
    result.push_back({.name = name, .points = joined.points()});
  }
  return result;
}

}  // namespace

std::vector<std::string> metric_names(const Comparison& comparison) {
  std::vector<std::string> names = main_metrics(comparison);
  for (const ComparisonRun& run : comparison.runs) {
    for (const RoundRecord& round : run.by_round) {
      for (const auto& [name, value] : round.metrics) {
        if (std::ranges::find(names, name) == names.end()) {
          names.push_back(name);
        }
      }
    }
  }
  return names;
}

Chart curve_chart(const Comparison& comparison, const std::string& metric, Over over) {
  switch (over) {
    case Over::kUplink:
      return {.title = metric + " against uplink",
              .note = "What all clients together had sent when the global model reached a value.",
              .x = bytes_axis("uplink so far"),
              .y = metric_axis(metric),
              .series = curves(comparison, metric, over)};
    case Over::kBothWays:
      return {.title = metric + " against bytes both ways",
              .note = "What all clients together had sent and received, without the backbone.",
              .x = bytes_axis("uplink and downlink so far"),
              .y = metric_axis(metric),
              .series = curves(comparison, metric, over)};
    default:
      return {.title = metric + " by round",
              .x = rounds_axis(),
              .y = metric_axis(metric),
              .series = curves(comparison, metric, over)};
  }
}

Section other_curves_section(const Comparison& comparison) {
  Section section{.title = "Other measurements by round", .tabs = true};
  const std::vector<std::string> names = metric_names(comparison);
  for (std::size_t i = main_metrics(comparison).size(); i < names.size(); ++i) {
    section.charts.push_back(curve_chart(comparison, names[i], Over::kRounds));
    section.charts.back().tab = names[i];
  }
  return section;
}

Table rounds_table(const Comparison& comparison) {
  Table table{.title = "By round",
              .note = "Framed bytes of all clients in the round.",
              .columns = {{"method", Unit::kText},
                          {"seed", Unit::kCount},
                          {"round", Unit::kCount},
                          {"asked", Unit::kCount},
                          {"reported", Unit::kCount},
                          {"uplink", Unit::kBytes},
                          {"downlink", Unit::kBytes},
                          {"control, of both", Unit::kBytes},
                          {"time", Unit::kSeconds}}};
  const std::vector<std::string> metrics = metric_names(comparison);
  for (const std::string& name : metrics) {
    table.columns.push_back({name, unit_of_metric(name)});
  }
  const bool several = comparison.runs.size() > 1;
  for (const ComparisonRun& run : comparison.runs) {
    for (const RoundRecord& round : run.by_round) {
      std::vector<Cell>& row = table.rows.emplace_back();
      row = {several ? Cell(run.name) : Cell(),
             several ? Cell(static_cast<std::int64_t>(run.seed)) : Cell(),
             static_cast<std::int64_t>(round.round.value),
             round.cohort,
             round.updates,
             round.uplink_bytes,
             round.downlink_bytes,
             round.control_bytes,
             round.seconds};
      for (const std::string& name : metrics) {
        row.emplace_back(round.metrics.find(name).value_or(std::nan("")));
      }
    }
  }
  drop_empty_columns(table);
  table.open = table.rows.size() <= 12;
  return table;
}

}  // namespace lorae::report
