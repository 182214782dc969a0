#include "report/training_page.h"

#include <algorithm>

#include "base/str.h"
#include "report/figure_sections.h"
#include "report/folder_config.h"
#include "report/text.h"
#include "report/training_files.h"

namespace lorae::report {
namespace {

namespace fs = std::filesystem;

bool is_loss(const std::string& name) {
  return name.starts_with("train/") || name.find("loss") != std::string::npos;
}

bool is_metric(const std::string& name) {
  return name.starts_with("val/") && !is_loss(name);
}

Series series_of(const std::vector<Measured>& columns, const Measured& column) {
  Series series{.name = column.name};
  for (std::size_t i = 0; i < column.values.size(); ++i) {
    series.points.push_back({.x = columns.front().values[i], .y = column.values[i]});
  }
  return series;
}

template <typename Wanted>
Chart chart_of(const std::vector<Measured>& columns, std::string title, Axis y, Wanted wanted) {
  Chart chart{
      .title = std::move(title), .x = {.label = "epoch", .unit = Unit::kCount}, .y = std::move(y)};
  for (const Measured& column : columns) {
    if (wanted(column.name)) {
      chart.series.push_back(series_of(columns, column));
    }
  }
  return chart;
}

Section progress_section(const std::vector<Measured>& columns) {
  const auto called = [](const char* name) {
    return [name](const std::string& other) { return other == name; };
  };
  Section section{.title = "Progress"};
  section.charts = {
      chart_of(columns, "Metrics by epoch", {.unit = Unit::kPercent, .can_switch = true},
               is_metric),
      chart_of(columns, "Losses by epoch", {.unit = Unit::kNumber, .can_switch = true}, is_loss),
      chart_of(columns, "Learning rate by epoch", {.can_switch = true, .from_zero = true},
               called("lr"))};
  Table table{.title = "By epoch", .open = columns.front().values.size() <= 12};
  for (const Measured& column : columns) {
    const bool counts = column.name == "epoch" || column.name == "step";
    table.columns.push_back({column.name, counts                     ? Unit::kCount
                                          : column.name == "seconds" ? Unit::kSeconds
                                          : is_metric(column.name)   ? Unit::kPercent
                                                                     : Unit::kNumber});
  }
  for (std::size_t i = 0; i < columns.front().values.size(); ++i) {
    std::vector<Cell>& row = table.rows.emplace_back();
    for (const Measured& column : columns) {
      row.emplace_back(column.values[i]);
    }
  }
  section.tables = {std::move(table)};
  return section;
}

/// The best epoch by the first metric of validation.
std::vector<Card> progress_cards(const std::vector<Measured>& columns, std::int64_t epochs) {
  std::vector<Card> cards;
  const auto main = std::ranges::find_if(columns, is_metric, &Measured::name);
  const std::vector<double>& done = columns.front().values;
  if (main != columns.end() && !done.empty()) {
    const auto best = std::ranges::max_element(main->values);
    const auto at = static_cast<std::size_t>(best - main->values.begin());
    cards.push_back({with_percent(percent_text(*best)),
                     str(main->name.substr(4), " after epoch ", done.at(at), ", the best one")});
    cards.push_back(
        {with_percent(percent_text(main->values.back())),
         str(main->name.substr(4), " after the last epoch, ", done.back(), " of ", epochs)});
  }
  return cards;
}

std::vector<Card> summary_cards(const TrainingSummary& summary) {
  std::vector<Card> cards;
  const double trained = summary.number("trained_parameters");
  const double total = summary.number("total_parameters");
  if (trained > 0 && total > 0) {
    cards.push_back(
        {with_percent(percent_text(trained / total)),
         "of the parameters trained: " + count_text(static_cast<std::int64_t>(trained))});
  }
  if (const double speed = summary.number("images_per_second"); speed > 0) {
    cards.push_back({fixed_text(speed, speed < 100 ? 1 : 0), "images per second in training"});
  }
  if (const double memory = summary.number("peak_memory_mb"); memory > 0) {
    cards.push_back({bytes_text(memory * 1e6), "memory at most"});
  }
  return cards;
}

}  // namespace

Page training_page(const fs::path& folder) {
  const std::vector<Measured> columns = read_results(folder / "results.csv");
  const auto ended = read_summary(folder / "train.json");
  const TrainingSummary summary = ended.value_or(TrainingSummary{});
  const FolderConfig config = read_folder_config(folder / "config.toml");
  const FolderConfig::Training& training = config.training;
  Page page{.title = str(config.model.empty() ? "model" : config.model, ", ", training.kind,
                         training.kind == "lorae" ? str(" of rank ", training.rank) : "", ", on ",
                         config.data_name()),
            .config = config.text};
  page.notes = {
      str(config.data, !ended || summary.stopped ? "; the training has not ended yet" : "")};
  if (!summary.digest.empty()) {
    page.notes.push_back("Digest of what was trained: " + summary.digest);
  }
  page.cards = progress_cards(columns, training.epochs);
  std::ranges::move(summary_cards(summary), std::back_inserter(page.cards));
  page.sections = {progress_section(columns)};
  std::ranges::move(
      judged_sections(folder, "Of the best epoch's model, on the validation pictures."),
      std::back_inserter(page.sections));
  return page;
}

}  // namespace lorae::report
