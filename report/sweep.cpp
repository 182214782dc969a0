#include "report/sweep.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "report/training_files.h"

namespace lorae::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array kStateNames = {"not run", "stopped", "failed", "done"};

std::string name_of(CellState state) {
  return kStateNames.at(static_cast<std::size_t>(state));
}

Json json_of(const Metrics& metrics) {
  Json object = Json::object();
  for (const auto& [name, value] : metrics) {
    object[name] = value;
  }
  return object;
}

Json json_of(const SweepRow& row, const fs::path& out) {
  const bool done = row.state == CellState::kDone;
  Json paper = json_of(row.paper);
  if (row.paper_millions) {
    paper["updated_millions"] = *row.paper_millions;
  }
  Json json{{"table", row.table},
            {"data", row.data},
            {"model", row.model},
            {"kind", row.kind},
            {"rank", row.rank},
            {"seed", row.seed},
            {"state", name_of(row.state)},
            {"updated_parameters", row.updated_parameters},
            {"paper_count", row.paper_count},
            {"paper", paper},
            {"paper_note", row.paper_note},
            {"metrics", json_of(row.metrics)},
            {"seconds", done ? Json(row.seconds) : Json()},
            {"folder", row.folder.lexically_relative(out).string()}};
  if (!row.reason.empty()) {
    json["reason"] = row.reason;
  }
  return json;
}

bool same_cell(const SweepRow& a, const SweepRow& b) {
  return a.data == b.data && a.model == b.model && a.kind == b.kind && a.rank == b.rank;
}

/// What `value_of` says of each seed that is done.
template <typename ValueOf>
std::vector<double> values_of(const SweepCell& cell, ValueOf value_of) {
  std::vector<double> values;
  for (const SweepRow* row : cell.seeds) {
    const std::optional<double> value =
        row->state == CellState::kDone ? value_of(*row) : std::nullopt;
    if (value && std::isfinite(*value)) {
      values.push_back(*value);
    }
  }
  return values;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  return values.empty() ? std::nan("") : sum / static_cast<double>(values.size());
}

void add(std::vector<SweepCell>& cells, const SweepRow& row) {
  const auto known = std::ranges::find_if(
      cells, [&](const SweepCell& cell) { return same_cell(*cell.first, row); });
  if (known == cells.end()) {
    cells.push_back({.first = &row, .seeds = {&row}});
  } else if (std::ranges::none_of(known->seeds,
                                  [&](const SweepRow* other) { return other->seed == row.seed; })) {
    known->seeds.push_back(&row);
  }
}

}  // namespace

std::string SweepRow::method() const {
  return kind == "lorae" ? str('r', rank) : kind;
}

const SweepData& Sweep::data_of(const std::string& name) const {
  const auto found = std::ranges::find(data, name, &SweepData::name);
  check(found != data.end(), ErrorCode::kInvalidArgument, "[report] no data set '", name, "'");
  return *found;
}

void take_result(SweepRow& row) {
  const Json summary = read_summary(row.folder / "train.json");
  if (summary.empty() || summary.value("stopped", false)) {
    const bool begun = !summary.empty() || fs::exists(row.folder / "state.safetensors");
    row.state = begun ? CellState::kStopped : CellState::kNotRun;
    return;
  }
  const auto metrics = summary.find("metrics");
  check(metrics != summary.end() && metrics->is_object() && summary.contains("seconds") &&
            summary["seconds"].is_number(),
        ErrorCode::kCorruptData, "[report] '", (row.folder / "train.json").string(),
        "': expected what a training writes; remove the folder to train it again");
  row.state = CellState::kDone;
  row.reason.clear();
  row.seconds = summary["seconds"].get<double>();
  row.metrics = {};
  for (const auto& [name, value] : metrics->items()) {
    if (value.is_number()) {
      row.metrics.set(name, value.get<double>());
    }
  }
}

bool SweepCell::done() const {
  return std::ranges::all_of(seeds,
                             [](const SweepRow* row) { return row->state == CellState::kDone; });
}

std::string SweepCell::missing() const {
  CellState worst = CellState::kDone;
  for (const SweepRow* row : seeds) {
    // What failed says more than what was not tried.
    const bool says_more = worst == CellState::kDone || row->state == CellState::kFailed;
    worst = row->state != CellState::kDone && says_more ? row->state : worst;
  }
  return worst == CellState::kDone ? std::string{} : name_of(worst);
}

double SweepCell::metric(const std::string& name) const {
  return mean_of(values_of(*this, [&](const SweepRow& row) { return row.metrics.find(name); }));
}

double SweepCell::spread(const std::string& name) const {
  const auto values = values_of(*this, [&](const SweepRow& row) { return row.metrics.find(name); });
  const auto [low, high] = std::ranges::minmax_element(values);
  return values.empty() ? 0 : (*high - *low) / 2;
}

double SweepCell::seconds() const {
  return mean_of(values_of(*this, [](const SweepRow& row) { return std::optional(row.seconds); }));
}

std::vector<SweepCell> cells_of(const Sweep& sweep,
                                const std::string& table,
                                const std::string& data) {
  std::vector<SweepCell> cells;
  for (const SweepRow& row : sweep.rows) {
    if (row.table == table && row.data == data) {
      add(cells, row);
    }
  }
  return cells;
}

std::vector<SweepCell> cells_of(const Sweep& sweep, const std::string& data) {
  std::vector<SweepCell> cells;
  for (const SweepRow& row : sweep.rows) {
    if (row.data == data) {
      add(cells, row);
    }
  }
  return cells;
}

std::string to_json(const Sweep& sweep, const fs::path& out) {
  Json rows = Json::array();
  for (const SweepRow& row : sweep.rows) {
    rows.push_back(json_of(row, out));
  }
  const Json json{{"schema", 1}, {"title", sweep.title}, {"rows", rows}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lorae::report
