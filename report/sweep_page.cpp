#include "report/sweep_page.h"

#include <algorithm>
#include <functional>

#include "base/str.h"
#include "report/text.h"
#include "report/training_files.h"

namespace lorae::report {
namespace {

constexpr int kDigits = 3;  // as the paper prints fractions
constexpr double kMillion = 1e6;

/// Nothing, or the paper's number as it prints it.
Cell paper_cell(std::optional<double> value, int digits) {
  return value ? Cell(*value, fixed_text(*value, digits)) : Cell();
}

Cell own_cell(const SweepCell& cell, const std::string& metric) {
  const double value = cell.metric(metric);
  const std::string missing = cell.missing();
  if (!std::isfinite(value)) {
    return missing.empty() ? Cell("-") : Cell(missing);
  }
  std::string text = fixed_text(value, kDigits);
  if (cell.seeds.size() > 1) {
    text += str(' ', kSign, ' ', fixed_text(cell.spread(metric), kDigits));
  }
  return {value, missing.empty() ? text : str(text, " (", missing, " in part)")};
}

Table results_table(const Sweep& sweep, const SweepTable& table, const std::string& data) {
  const std::vector<std::string>& metrics = sweep.data_of(data).metrics;
  Table shown{.title = data, .columns = {{"model", Unit::kText}, {"rank", Unit::kText}}};
  for (const std::string& metric : metrics) {
    shown.columns.push_back({metric + ", paper", Unit::kNumber});
    shown.columns.push_back({"ours", Unit::kNumber});
  }
  shown.columns.push_back({"updated parameters, paper", Unit::kText});
  shown.columns.push_back({"ours", Unit::kCount});
  shown.columns.push_back({"by the paper's rule", Unit::kCount});
  shown.columns.push_back({"the rule and the paper", Unit::kText});
  for (const SweepCell& cell : cells_of(sweep, table.name, data)) {
    const SweepRow& row = *cell.first;
    std::vector<Cell>& cells = shown.rows.emplace_back();
    cells.emplace_back(row.model);
    cells.emplace_back(row.method());
    for (const std::string& metric : metrics) {
      cells.push_back(paper_cell(row.paper.find(metric), kDigits));
      cells.push_back(own_cell(cell, metric));
    }
    cells.push_back(row.paper_millions ? Cell(*row.paper_millions * kMillion,
                                              fixed_text(*row.paper_millions, 2) + " M")
                                       : Cell());
    cells.emplace_back(row.updated_parameters);
    cells.push_back(row.paper_count > 0 ? Cell(row.paper_count) : Cell());
    cells.emplace_back(row.paper_note);
  }
  drop_empty_columns(shown);
  return shown;
}

std::vector<std::string> distinct(const std::vector<SweepCell>& cells,
                                  const std::function<std::string(const SweepRow&)>& of) {
  std::vector<std::string> all;
  for (const SweepCell& cell : cells) {
    const std::string one = of(*cell.first);
    if (std::ranges::find(all, one) == all.end()) {
      all.push_back(one);
    }
  }
  return all;
}

std::vector<std::string> models_of(const std::vector<SweepCell>& cells) {
  return distinct(cells, [](const SweepRow& row) { return row.model; });
}

/// Bars: for each method those of the models.
Chart time_chart(const SweepData& data, const std::vector<SweepCell>& cells) {
  Chart chart{.title = "Time by rank, " + data.name,
              .y = {.unit = Unit::kSeconds, .can_switch = true, .from_zero = true},
              .labels = distinct(cells, [](const SweepRow& row) { return row.method(); }),
              .upright = true};
  for (const std::string& model : models_of(cells)) {
    Series& series = chart.series.emplace_back(Series{.name = model});
    for (const std::string& method : chart.labels) {
      const auto cell = std::ranges::find_if(cells, [&](const SweepCell& one) {
        return one.first->model == model && one.first->method() == method;
      });
      series.values.push_back(cell == cells.end() ? std::nan("") : cell->seconds());
    }
  }
  return chart;
}

Table time_table(const SweepData& data, const std::vector<SweepCell>& cells) {
  const auto methods = distinct(cells, [](const SweepRow& row) { return row.method(); });
  Table table{.title = "Time by rank, " + data.name, .columns = {{"model", Unit::kText}}};
  for (const std::string& method : methods) {
    table.columns.push_back({method, Unit::kSeconds});
  }
  for (const std::string& model : models_of(cells)) {
    std::vector<Cell>& row = table.rows.emplace_back();
    row.emplace_back(model);
    for (const std::string& method : methods) {
      const auto cell = std::ranges::find_if(cells, [&](const SweepCell& one) {
        return one.first->model == model && one.first->method() == method;
      });
      row.push_back(cell == cells.end()       ? Cell()
                    : cell->missing().empty() ? Cell(cell->seconds())
                                              : Cell(cell->missing()));
    }
  }
  return table;
}

/// Of the first seed, whose results.csv there may be before its end.
Series curve_of(const SweepCell& cell, const std::string& column) {
  Series series{.name = str(cell.first->model, ' ', cell.first->method())};
  const auto file = cell.first->folder / "results.csv";
  if (!std::filesystem::exists(file)) {
    return series;
  }
  const std::vector<Measured> columns = read_results(file);
  const auto found = std::ranges::find(columns, column, &Measured::name);
  for (std::size_t i = 0; found != columns.end() && i < found->values.size(); ++i) {
    series.points.push_back({.x = columns.front().values[i], .y = found->values[i]});
  }
  return series;
}

/// One chart with all models, each in full and at the drawn rank; then one for each model, with all
/// that was trained of it.
std::vector<Chart> curve_charts(const SweepData& data,
                                const std::vector<SweepCell>& cells,
                                const std::string& column,
                                const std::string& what) {
  const auto chart_of = [&](const std::string& tab, const auto& wanted) {
    Chart chart{.title = str(what, " by epoch, ", tab),
                .tab = tab,
                .x = {.label = "epoch", .unit = Unit::kCount},
                .y = {.label = what, .unit = Unit::kNumber, .can_switch = true}};
    for (const SweepCell& cell : cells) {
      if (wanted(*cell.first)) {
        chart.series.push_back(curve_of(cell, column));
      }
    }
    return chart;
  };
  std::vector<Chart> charts = {chart_of(data.name, [&](const SweepRow& row) {
    return row.kind != "lorae" || row.rank == data.drawn_rank;
  })};
  for (const std::string& model : models_of(cells)) {
    charts.push_back(chart_of(str(data.name, ", ", model),
                              [&](const SweepRow& row) { return row.model == model; }));
  }
  return charts;
}

/// Metric by updated parameters: a line for each model, through its ranks to full training.
Chart parameters_chart(const SweepData& data,
                       const std::vector<SweepCell>& cells,
                       const std::string& whose,
                       const std::function<Point(const SweepCell&)>& point_of) {
  const std::string metric = data.metrics.empty() ? std::string{} : data.metrics.front();
  Chart chart{
      .title = str(metric, " by updated parameters, ", data.name, ", ", whose),
      .x = {.label = "updated parameters", .unit = Unit::kCount, .log = true, .can_switch = true},
      .y = {.label = metric, .unit = Unit::kNumber, .can_switch = true}};
  for (const std::string& model : models_of(cells)) {
    Series series{.name = model};
    for (const SweepCell& cell : cells) {
      if (cell.first->model == model) {
        series.points.push_back(point_of(cell));
      }
    }
    std::ranges::sort(series.points, {}, &Point::x);
    chart.series.push_back(std::move(series));
  }
  return chart;
}

std::vector<Chart> parameters_charts(const SweepData& data, const std::vector<SweepCell>& cells) {
  const std::string metric = data.metrics.empty() ? std::string{} : data.metrics.front();
  const auto ours = [&](const SweepCell& cell) {
    const double value = cell.metric(metric);
    return Point{.x = static_cast<double>(cell.first->updated_parameters), .y = value};
  };
  const auto paper = [&](const SweepCell& cell) {
    return Point{.x = cell.first->paper_millions.value_or(std::nan("")) * kMillion,
                 .y = cell.first->paper.find(metric).value_or(std::nan(""))};
  };
  return {parameters_chart(data, cells, "ours", ours),
          parameters_chart(data, cells, "the paper", paper)};
}

std::vector<Section> figures(const Sweep& sweep) {
  Section accuracy{.title = "Metric by epoch, as in the paper's figure 3", .tabs = true};
  Section loss{.title = "Loss by epoch, as in the paper's figure 4",
               .note = "Of training, as the paper's text says; its caption says of validation.",
               .tabs = true};
  Section parameters{.title = "Metric by updated parameters, as in the paper's figure 5"};
  for (const SweepData& data : sweep.data) {
    const std::vector<SweepCell> cells = cells_of(sweep, data.name);
    const auto add = [](Section& section, std::vector<Chart> charts) {
      std::ranges::move(charts, std::back_inserter(section.charts));
    };
    if (!data.metrics.empty()) {
      add(accuracy, curve_charts(data, cells, "val/" + data.metrics.front(), data.metrics.front()));
      add(parameters, parameters_charts(data, cells));
    }
    add(loss, curve_charts(data, cells, "train/loss", "loss"));
  }
  return {std::move(accuracy), std::move(loss), std::move(parameters)};
}

std::vector<Card> cards_of(const Sweep& sweep) {
  std::int64_t all = 0, done = 0;
  double seconds = 0;
  for (const SweepData& data : sweep.data) {
    for (const SweepCell& cell : cells_of(sweep, data.name)) {
      for (const SweepRow* row : cell.seeds) {
        ++all;
        done += row->state == CellState::kDone ? 1 : 0;
        seconds += row->state == CellState::kDone ? row->seconds : 0;
      }
    }
  }
  std::vector<Card> cards = {{str(done, " of ", all), "trainings are done"}};
  if (done > 0) {
    cards.push_back({str(fixed_text(seconds / 60, 1), " min"), "they took in all"});
  }
  return cards;
}

}  // namespace

Page sweep_page(const Sweep& sweep) {
  Page page{
      .title = sweep.title,
      .notes = {"Fractions of 1. \"ours\" of updated parameters is what is trained: adapters, "
                "and what is trained in full beside them."},
      .cards = cards_of(sweep),
      .config = sweep.config};
  for (const SweepData& data : sweep.data) {
    for (const std::string& model : models_of(cells_of(sweep, data.name))) {
      if (std::ranges::find(page.names, model) == page.names.end()) {
        page.names.push_back(model);
      }
    }
  }
  for (const SweepTable& table : sweep.tables) {
    Section section{.title = str("Table ", table.name, ": ", table.title)};
    for (const std::string& data : table.data) {
      section.tables.push_back(results_table(sweep, table, data));
    }
    page.sections.push_back(std::move(section));
  }
  Section time{.title = "Time of a training and its validation"};
  for (const SweepData& data : sweep.data) {
    const std::vector<SweepCell> cells = cells_of(sweep, data.name);
    time.charts.push_back(time_chart(data, cells));
    time.tables.push_back(time_table(data, cells));
  }
  page.sections.push_back(std::move(time));
  std::ranges::move(figures(sweep), std::back_inserter(page.sections));
  return page;
}

}  // namespace lorae::report
