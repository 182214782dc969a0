#include "report/run_page.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/str.h"
#include "report/curves.h"
#include "report/figure_sections.h"
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

std::vector<Card> cards_of(const FolderConfig& config,
                           const RunRecord& run,
                           const ComparisonRun& sums) {
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
  cards.push_back(
      {str(sums.rounds, " of ", config.rounds), sums.rounds >= config.rounds ? "rounds are done"
                                                : run.finished ? "rounds: then it improved no more"
                                                               : "rounds are done so far"});
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
  Comparison alone;
  alone.runs.push_back(comparison_run(run));
  alone.runs.front().name = method;
  Page page{.title = str(method, ": ", config.model, " on ", config.data_name()),
            .notes = {config.summary(),
                      "Bytes are framed bytes: what a process hands to its socket. The frozen "
                      "backbone is fetched once and counted apart."},
            .cards = cards_of(config, run, alone.runs.front()),
            .config = config.text};
  if (!run.digest.empty()) {
    page.notes.push_back("Digest of the global model: " + run.digest);
  }
  Section progress{.title = "Progress", .tables = {rounds_table(alone)}};
  for (const std::string& metric : main_metrics(alone)) {
    progress.charts = {curve_chart(alone, metric, Over::kRounds),
                       curve_chart(alone, metric, Over::kBothWays)};
  }
  std::ranges::move(cost_charts(run), std::back_inserter(progress.charts));
  page.sections.push_back(std::move(progress));
  page.sections.push_back(other_curves_section(alone));
  if (run.judged) {
    std::vector<Section> judged = figure_sections(*run.judged);
    judged.front().note = str("Of the global model after round ", run.judged_round, ".");
    std::ranges::move(judged, std::back_inserter(page.sections));
  }
  page.sections.push_back(layers_section({{method, &run}}));
  page.sections.push_back({.title = "Clients", .tables = {clients_table(run)}});
  page.sections.push_back(classes_section(run));
  return page;
}

}  // namespace lorae::report
