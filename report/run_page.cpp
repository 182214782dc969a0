#include "report/run_page.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/str.h"
#include "report/sections.h"
#include "report/text.h"

namespace lorae::report {
namespace {

using Of = std::function<double(const RoundRecord&)>;

Series by_round(const RunRecord& run, std::string name, const Of& of) {
  Series series{.name = std::move(name)};
  for (const RoundRecord& round : run.rounds) {
    const double value = of(round);
    series.points.push_back({.x = static_cast<double>(round.round.value), .y = value});
  }
  return series;
}

double metric_of(const RoundRecord& round, const std::string& name) {
  return round.metrics.find(name).value_or(std::nan(""));
}

std::vector<std::string> metric_names(const RunRecord& run) {
  std::vector<std::string> names;
  for (const RoundRecord& round : run.rounds) {
    for (const auto& [name, value] : round.metrics) {
      if (std::ranges::find(names, name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  return names;
}

Chart metric_chart(const RunRecord& run, const std::string& name) {
  return {
      .title = name + " by round",
      .x = rounds_axis(),
      .y = metric_axis(name),
      .series = {by_round(run, name, [&](const RoundRecord& r) { return metric_of(r, name); })}};
}

Chart metric_by_bytes(const RunRecord& run, const std::string& name) {
  Chart chart{.title = name + " against bytes both ways",
              .note = "What all clients together had sent and received, without the backbone.",
              .x = bytes_axis("uplink and downlink so far"),
              .y = metric_axis(name),
              .series = {{.name = name}}};
  double bytes = 0;
  for (const RoundRecord& round : run.rounds) {
    bytes += round.uplink_bytes + round.downlink_bytes;
    chart.series[0].points.push_back({.x = bytes, .y = metric_of(round, name)});
  }
  return chart;
}

std::vector<Chart> cost_charts(const RunRecord& run) {
  const auto count = [](std::int64_t value) { return static_cast<double>(value); };
  return {
      {.title = "Bytes by round",
       .note = "Framed, of all clients together.",
       .x = rounds_axis(),
       .y = {.unit = Unit::kBytes, .can_switch = true, .from_zero = true},
       .series = {by_round(run, "uplink", [](const RoundRecord& r) { return r.uplink_bytes; }),
                  by_round(run, "downlink", [](const RoundRecord& r) { return r.downlink_bytes; }),
                  by_round(run, "control, of both",
                           [](const RoundRecord& r) { return r.control_bytes; })}},
      {.title = "Clients by round",
       .x = rounds_axis(),
       .y = {.unit = Unit::kCount, .from_zero = true},
       .series = {by_round(run, "asked", [&](const RoundRecord& r) { return count(r.cohort); }),
                  by_round(run, "reported",
                           [&](const RoundRecord& r) { return count(r.updates); })}},
      {.title = "Time by round",
       .x = rounds_axis(),
       .y = {.unit = Unit::kSeconds, .can_switch = true, .from_zero = true},
       .series = {by_round(run, "time", [](const RoundRecord& r) { return r.seconds; })}}};
}

Table rounds_table(const RunRecord& run) {
  Table table{.title = "By round",
              .note = "Framed bytes of all clients in the round.",
              .columns = {{"round", Unit::kCount},
                          {"asked", Unit::kCount},
                          {"reported", Unit::kCount},
                          {"uplink", Unit::kBytes},
                          {"downlink", Unit::kBytes},
                          {"control, of both", Unit::kBytes},
                          {"time", Unit::kSeconds}},
              .open = run.rounds.size() <= 12};
  const std::vector<std::string> names = metric_names(run);
  for (const std::string& name : names) {
    table.columns.push_back({name, unit_of_metric(name)});
  }
  for (const RoundRecord& round : run.rounds) {
    std::vector<Cell>& row = table.rows.emplace_back();
    row = {static_cast<std::int64_t>(round.round.value),
           round.cohort,
           round.updates,
           round.uplink_bytes,
           round.downlink_bytes,
           round.control_bytes,
           round.seconds};
    for (const std::string& name : names) {
      row.emplace_back(metric_of(round, name));
    }
  }
  drop_empty_columns(table);
  return table;
}

std::vector<Card> cards_of(const FolderConfig& config, const RunRecord& run) {
  const ComparisonRun sums = comparison_run(run);
  const bool running = sums.rounds < config.rounds;
  std::vector<Card> cards;
  double best = std::nan("");
  RoundId best_round;
  for (const EvaluatedRound& point : sums.curve) {
    if (!(point.metric <= best)) {
      best = point.metric;
      best_round = point.round;
    }
  }
  if (!sums.curve.empty()) {
    cards.push_back({with_percent(percent_text(sums.curve.back().metric)),
                     str(run.main_metric, " after round ", sums.curve.back().round, "; best ",
                         with_percent(percent_text(best)), " after round ", best_round)});
  }
  cards.push_back({str(sums.rounds, " of ", config.rounds),
                   running ? "rounds are done: the run goes on" : "rounds are done"});
  cards.push_back({bytes_text(sums.uplink_bytes_per_client_round), "uplink per client and round"});
  cards.push_back(
      {bytes_text(sums.downlink_bytes_per_client_round), "downlink per client and round"});
  if (run.total_parameters > 0) {
    cards.push_back({with_percent(percent_text(static_cast<double>(run.trainable_parameters) /
                                               static_cast<double>(run.total_parameters))),
                     "of the parameters trained: " + count_text(run.trainable_parameters)});
  }
  return cards;
}

}  // namespace

Page run_page(const FolderConfig& config, const RunRecord& run) {
  const std::string method = config.methods.empty() ? "run" : config.methods.front().name;
  Page page{.title = str(method, ": ", config.model, " on ", config.data_name()),
            .notes = {config.summary(),
                      "Bytes are framed bytes: what a process hands to its socket. The frozen "
                      "backbone is fetched once and counted apart."},
            .cards = cards_of(config, run),
            .config = config.text};
  if (!run.digest.empty()) {
    page.notes.push_back("Digest of the global model: " + run.digest);
  }
  Section progress{.title = "Progress", .tables = {rounds_table(run)}};
  if (!run.main_metric.empty()) {
    progress.charts = {metric_chart(run, run.main_metric), metric_by_bytes(run, run.main_metric)};
  }
  std::ranges::move(cost_charts(run), std::back_inserter(progress.charts));
  page.sections.push_back(std::move(progress));
  Section others{.title = "Other measurements by round", .tabs = true};
  for (const std::string& name : metric_names(run)) {
    if (name != run.main_metric) {
      others.charts.push_back(metric_chart(run, name));
    }
  }
  page.sections.push_back(std::move(others));
  page.sections.push_back(layers_section({{method, &run}}));
  page.sections.push_back({.title = "Clients", .tables = {clients_table(run)}});
  page.sections.push_back(classes_section(run));
  return page;
}

}  // namespace lorae::report
