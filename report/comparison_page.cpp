#include "report/comparison_page.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/str.h"
#include "report/sections.h"
#include "report/text.h"

namespace lorae::report {
namespace {

enum class Over { kRounds, kUplink, kBothWays };

/// The best method but the baseline among those that can be compared with it; the first one if none
/// was measured.
const ComparisonSummary* best_of(const std::vector<ComparisonSummary>& rows,
                                 const std::string& metric) {
  const ComparisonSummary* best = nullptr;
  const auto value = [&](const ComparisonSummary& row) {
    return row.main_metric == metric && std::isfinite(row.metric) ? row.metric : -1;
  };
  for (const ComparisonSummary& row : rows) {
    if (!row.is_baseline && (best == nullptr || value(row) > value(*best))) {
      best = &row;
    }
  }
  return best;
}

std::vector<Card> cards_of(const Comparison& comparison) {
  const std::vector<ComparisonSummary> rows = summaries(comparison);
  const std::optional<Target> target = target_of(comparison);
  const ComparisonSummary* best = best_of(rows, target ? target->metric : "");
  if (best == nullptr) {
    return {};
  }
  const std::string& base = comparison.baseline;
  const Ratio& ratio = best->ratio;
  std::vector<Card> cards;
  if (std::isfinite(ratio.uplink_ratio)) {
    cards.push_back({times_text(ratio.uplink_ratio) + kTimes + " less",
                     str("uplink with ", best->name, " than with ", base, ": ",
                         bytes_text(best->uplink_bytes), " per client and round")});
    cards.push_back({times_text(ratio.total_ratio) + kTimes + " less",
                     str("uplink and downlink together with ", best->name)});
  } else {
    cards.push_back({bytes_text(best->uplink_bytes), "uplink per client and round, " + best->name});
  }
  if (std::isfinite(best->metric)) {
    cards.push_back({with_percent(metric_text(*best, kSign)),
                     str(best->main_metric, ", ", best->name,
                         std::isfinite(ratio.metric_difference)
                             ? str(": ", difference_text(ratio, kSign), " points to ", base)
                             : "")});
  }
  if (best->total_parameters > 0) {
    cards.push_back({with_percent(percent_text(static_cast<double>(best->trainable_parameters) /
                                               static_cast<double>(best->total_parameters))),
                     "of the parameters trained: " + count_text(best->trainable_parameters)});
  }
  return cards;
}

std::string table_note(const Comparison& comparison) {
  const std::string& base = comparison.baseline;
  std::string note =
      str("Bytes are means per client and round; \"less\": how many times less than ", base,
          ". Of several seeds: the mean ", kSign,
          " half the distance of the lowest and the highest. Points are percent points against ",
          base, " ", kSign, " the standard error of their mean.");
  if (const std::optional<Target> target = target_of(comparison)) {
    note +=
        str(" Bytes to target: of all clients, both ways, until ", target->metric, " reached ",
            percent_text(target->value), " %", comparison.target ? "" : ", 95 % of " + base, ".");
  }
  return note;
}

Cell rounds_cell(const ComparisonSummary& row) {
  const auto rounds = static_cast<double>(row.rounds);
  return row.is_running() ? Cell(rounds, str(row.rounds, " of ", row.planned_rounds))
                          : Cell(rounds);
}

Cell metric_cell(const ComparisonSummary& row, bool names_metric) {
  const std::string text = with_percent(metric_text(row, kSign));
  return Cell(row.metric, names_metric ? str(row.main_metric, " ", text) : text);
}

std::vector<Cell> cells_of(const ComparisonSummary& row, bool names_metric) {
  const Ratio& ratio = row.ratio;
  const bool compared = !row.is_baseline;
  const auto times = [&](double value) { return compared ? Cell(value) : Cell(); };
  const bool has_metric = std::isfinite(row.metric);
  const bool has_points = compared && std::isfinite(ratio.metric_difference);
  const std::optional<BytesToTarget>& reached = ratio.bytes_to_target;
  return {row.is_running() ? row.name + " (running)" : row.name,
          row.seeds,
          rounds_cell(row),
          row.trainable_parameters,
          row.uplink_bytes,
          times(ratio.uplink_ratio),
          row.downlink_bytes,
          times(ratio.downlink_ratio),
          times(ratio.total_ratio),
          has_metric ? metric_cell(row, names_metric) : Cell(),
          has_points ? Cell(100 * ratio.metric_difference, difference_text(ratio, kSign)) : Cell(),
          reached ? Cell(reached->bytes) : Cell(),
          reached ? Cell(reached->round) : Cell(),
          row.seconds};
}

Table methods_table(const Comparison& comparison) {
  const std::vector<std::string> metrics = main_metrics(comparison);
  Table table{.title = "Methods",
              .note = table_note(comparison),
              .columns = {{"method", Unit::kText},
                          {"seeds", Unit::kCount},
                          {"rounds", Unit::kCount},
                          {"trainable", Unit::kCount},
                          {"uplink", Unit::kBytes},
                          {"uplink, less", Unit::kTimes},
                          {"downlink", Unit::kBytes},
                          {"downlink, less", Unit::kTimes},
                          {"both, less", Unit::kTimes},
                          {metric_heading(metrics), Unit::kPercent},
                          {"points", Unit::kNumber},
                          {"to target", Unit::kBytes},
                          {"at round", Unit::kCount},
                          {"time", Unit::kSeconds}}};
  for (const ComparisonSummary& row : summaries(comparison)) {
    table.rows.push_back(cells_of(row, metrics.size() > 1));
  }
  drop_empty_columns(table);
  return table;
}

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

Section curves_section(const Comparison& comparison) {
  Section section{
      .title = "Curves",
      .note = "Lines are means over the seeds; bands reach from the lowest to the highest."};
  for (const std::string& metric : main_metrics(comparison)) {
    for (const Over over : {Over::kBothWays, Over::kRounds, Over::kUplink}) {
      section.charts.push_back(curve_chart(comparison, metric, over));
    }
  }
  Chart bytes{.title = "Bytes per client and round",
              .x = bytes_axis(""),
              .series = {{.name = "uplink"}, {.name = "downlink"}}};
  for (const ComparisonSummary& row : summaries(comparison)) {
    bytes.labels.push_back(row.name);
    bytes.series[0].values.push_back(row.uplink_bytes);
    bytes.series[1].values.push_back(row.downlink_bytes);
  }
  section.charts.push_back(std::move(bytes));
  return section;
}

std::vector<std::string> other_metrics(const Comparison& comparison) {
  const std::vector<std::string> main = main_metrics(comparison);
  std::vector<std::string> names;
  for (const ComparisonRun& run : comparison.runs) {
    for (const RoundRecord& round : run.by_round) {
      for (const auto& [name, value] : round.metrics) {
        if (std::ranges::find(main, name) == main.end() &&
            std::ranges::find(names, name) == names.end()) {
          names.push_back(name);
        }
      }
    }
  }
  return names;
}

/// Of what is not the main metric, and of a round's time.
Section other_curves_section(const Comparison& comparison) {
  Section section{.title = "Other measurements by round", .tabs = true};
  for (const std::string& metric : other_metrics(comparison)) {
    section.charts.push_back(curve_chart(comparison, metric, Over::kRounds));
  }
  return section;
}

Table rounds_table(const Comparison& comparison) {
  Table table{.title = "By round",
              .note = "Framed bytes of all clients in the round. curves.csv has the same numbers.",
              .columns = {{"method", Unit::kText},
                          {"seed", Unit::kCount},
                          {"round", Unit::kCount},
                          {"updates", Unit::kCount},
                          {"uplink", Unit::kBytes},
                          {"downlink", Unit::kBytes},
                          {"time", Unit::kSeconds}},
              .open = false};
  std::vector<std::string> metrics = main_metrics(comparison);
  std::ranges::copy(other_metrics(comparison), std::back_inserter(metrics));
  for (const std::string& name : metrics) {
    table.columns.push_back({name, unit_of_metric(name)});
  }
  for (const ComparisonRun& run : comparison.runs) {
    for (const RoundRecord& round : run.by_round) {
      std::vector<Cell>& row = table.rows.emplace_back();
      row = {run.name,
             static_cast<std::int64_t>(run.seed),
             static_cast<std::int64_t>(round.round.value),
             round.updates,
             round.uplink_bytes,
             round.downlink_bytes,
             round.seconds};
      for (const std::string& name : metrics) {
        const std::optional<double> value = round.metrics.find(name);
        row.push_back(value ? Cell(*value) : Cell());
      }
    }
  }
  return table;
}

/// The first seed of each name.
std::vector<NamedRun> first_seeds(const ComparisonDetails& details) {
  std::vector<NamedRun> found;
  for (std::size_t i = 0; i < details.records.size(); ++i) {
    const std::string& name = details.comparison.runs.at(i).name;
    if (std::ranges::find(found, name, &NamedRun::first) == found.end()) {
      found.emplace_back(name, &details.records[i]);
    }
  }
  return found;
}

}  // namespace

Page comparison_page(const ComparisonDetails& details) {
  const Comparison& comparison = details.comparison;
  Page page{.title = title_of(comparison),
            .notes = details.notes,
            .cards = cards_of(comparison),
            .baseline = comparison.baseline,
            .names = run_names(comparison),
            .config = details.config};
  page.sections.push_back({.title = "Comparison", .tables = {methods_table(comparison)}});
  page.sections.push_back(curves_section(comparison));
  page.sections.push_back(other_curves_section(comparison));
  page.sections.push_back({.title = "Rounds", .tables = {rounds_table(comparison)}});
  page.sections.push_back(layers_section(first_seeds(details)));
  if (!details.records.empty()) {
    page.sections.push_back(classes_section(details.records.front()));
  }
  return page;
}

}  // namespace lorae::report
