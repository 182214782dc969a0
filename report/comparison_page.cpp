#include "report/comparison_page.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/str.h"
#include "report/curves.h"
#include "report/sections.h"
#include "report/text.h"

namespace lorae::report {
namespace {

/// The method that saves most bytes among those that reached the target; else the best one among
/// those that can be compared with the baseline; the first one if none was measured.
const ComparisonSummary* best_of(const std::vector<ComparisonSummary>& rows,
                                 const std::optional<Target>& target) {
  const ComparisonSummary* best = nullptr;
  const auto value = [&](const ComparisonSummary& row) {
    if (!target || row.main_metric != target->metric || !std::isfinite(row.metric)) {
      return std::pair(-1.0, 0.0);
    }
    const bool saves = row.metric >= target->value && std::isfinite(row.ratio.total_ratio);
    return saves ? std::pair(2.0, row.ratio.total_ratio) : std::pair(row.metric, 0.0);
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
  const ComparisonSummary* best = best_of(rows, target_of(comparison));
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
  return row.running ? Cell(rounds, str(row.rounds, " of ", row.planned_rounds)) : Cell(rounds);
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
  return {row.running ? row.name + " (running)" : row.name,
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

/// The first metric of each class that the newest figures of each method have.
Table classes_table(const std::vector<NamedRun>& runs) {
  Table table{.title = "By class", .columns = {{"class", Unit::kText}}};
  std::map<std::int64_t, std::vector<Cell>> rows;
  std::string metric;
  for (const auto& [name, run] : runs) {
    if (!run->judged) {
      continue;
    }
    table.note += str(table.note.empty() ? "" : ", ", name, " after round ", run->judged_round);
    table.columns.push_back({name, Unit::kPercent});
    for (const ClassResult& result : run->judged->by_class) {
      std::vector<Cell>& row = rows[result.label];
      row.resize(table.columns.size());
      row[0] = class_name(run->judged->classes, result.label);
      if (!result.metrics.empty()) {
        metric = result.metrics.main_name();
        row.back() = Cell(result.metrics.begin()->second);
      }
    }
  }
  table.note = str(metric, " of the first seed: ", table.note, ".");
  for (auto& [label, row] : rows) {
    row.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  table.open = table.rows.size() <= 30;
  return table;
}

/// Of each run, where they were dealt differently.
Table skews_table(const ComparisonDetails& details) {
  Table table{.title = "Skew of each run",
              .columns = {{"method", Unit::kText}, {"seed", Unit::kCount}, {"skew", Unit::kNumber}},
              .open = false};
  for (std::size_t i = 0; i < details.records.size(); ++i) {
    if (const auto skew = skew_of(details.records[i])) {
      const ComparisonRun& run = details.comparison.runs.at(i);
      table.rows.push_back({run.name, static_cast<std::int64_t>(run.seed), *skew});
    }
  }
  if (std::ranges::all_of(table.rows, [&](const auto& row) {
        return row[2].number == table.rows.front()[2].number;
      })) {
    table.rows.clear();
  }
  return table;
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
  page.sections.push_back({.title = "Classes", .tables = {classes_table(first_seeds(details))}});
  page.sections.push_back(layers_section(first_seeds(details)));
  if (!details.records.empty()) {
    page.sections.push_back(classes_section(details.records.front()));
    page.sections.back().tables.push_back(skews_table(details));
  }
  return page;
}

}  // namespace lorae::report
