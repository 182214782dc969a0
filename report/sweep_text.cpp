#include <fmt/format.h>

#include <algorithm>

#include "report/sweep.h"
#include "report/text.h"

namespace lorae::report {
namespace {

constexpr int kDigits = 3;  // as the paper prints fractions
constexpr double kMillion = 1e6;

/// "yolo11n-cls" of a model's first row, blanks of the others.
class ModelNames {
 public:
  std::string next(const std::string& model) {
    const bool again = model == last_;
    last_ = model;
    return again ? std::string{} : model;
  }

 private:
  std::string last_;
};

std::string line_of(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

std::string heading(const Sweep& sweep, const SweepTable& table, const std::string& data) {
  const bool several = sweep.data.size() > 1;
  return fmt::format("\nTable {}: {}{}\n\n", table.name, table.title,
                     several ? ", " + data : std::string{});
}

std::string paper_text(const Metrics& paper, const std::string& metric) {
  return fixed_text(paper.find(metric).value_or(std::nan("")), kDigits);
}

/// What we have: a number, or why there is none.
std::string own_text(const SweepCell& cell, const std::string& metric) {
  const double value = cell.metric(metric);
  const std::string missing = cell.missing();
  return std::isfinite(value) || missing.empty() ? fixed_text(value, kDigits) : missing;
}

std::string millions_text(std::optional<double> millions) {
  return fixed_text(millions.value_or(std::nan("")), 2);
}

std::string table_text(const Sweep& sweep, const SweepTable& table, const std::string& data) {
  const std::vector<std::string>& metrics = sweep.data_of(data).metrics;
  std::string over = fmt::format("{:28}", ""), head = fmt::format("{:23} {:4}", "model", "rank");
  for (const std::string& metric : metrics) {
    over += fmt::format(" {:>15}", metric);
    head += fmt::format("  {:>6} {:>7}", "paper", "ours");
  }
  std::string text = heading(sweep, table, data) +
                     line_of(over + fmt::format(" {:>15}", "updated, M")) +
                     line_of(head + fmt::format("  {:>6} {:>7}", "paper", "ours"));
  ModelNames names;
  for (const SweepCell& cell : cells_of(sweep, table.name, data)) {
    const SweepRow& row = *cell.first;
    std::string line = fmt::format("{:23} {:>4}", names.next(row.model), row.method());
    for (const std::string& metric : metrics) {
      line += fmt::format("  {:>6} {:>7}", paper_text(row.paper, metric), own_text(cell, metric));
    }
    text += line_of(
        line + fmt::format("  {:>6} {:>7}", millions_text(row.paper_millions),
                           millions_text(static_cast<double>(row.updated_parameters) / kMillion)));
  }
  return text;
}

/// The rows that are models, and the columns that are what is trained of them.
std::string time_text(const Sweep& sweep, const SweepData& data) {
  const std::vector<SweepCell> cells = cells_of(sweep, data.name);
  std::vector<std::string> models, methods;
  const auto note = [](std::vector<std::string>& all, const std::string& one) {
    if (std::ranges::find(all, one) == all.end()) {
      all.push_back(one);
    }
  };
  for (const SweepCell& cell : cells) {
    note(models, cell.first->model);
    note(methods, cell.first->method());
  }
  std::string text =
      fmt::format("\nSeconds of a training and its validation, {}\n\n{:23}", data.name, "model");
  for (const std::string& method : methods) {
    text += fmt::format(" {:>7}", method);
  }
  text = line_of(text);
  for (const std::string& model : models) {
    std::string line = fmt::format("{:23}", model);
    for (const std::string& method : methods) {
      const auto cell = std::ranges::find_if(cells, [&](const SweepCell& one) {
        return one.first->model == model && one.first->method() == method;
      });
      const double seconds = cell == cells.end() ? std::nan("") : cell->seconds();
      line += fmt::format(" {:>7}", cell != cells.end() && !cell->missing().empty()
                                        ? cell->missing()
                                        : fixed_text(seconds, seconds < 100 ? 1 : 0));
    }
    text += line_of(line);
  }
  return text;
}

}  // namespace

std::string sweep_text(const Sweep& sweep) {
  std::string text;
  for (const SweepTable& table : sweep.tables) {
    for (const std::string& data : table.data) {
      text += table_text(sweep, table, data);
    }
  }
  for (const SweepData& data : sweep.data) {
    text += time_text(sweep, data);
  }
  return text.empty() ? text : text.substr(1);
}

std::string plan_text(const Sweep& sweep) {
  std::string text;
  for (const SweepTable& table : sweep.tables) {
    for (const std::string& data : table.data) {
      text += heading(sweep, table, data);
      text += fmt::format("{:23} {:>4} {:>12} {:>10} {:>7}\n", "model", "rank", "updated",
                          "by rule, M", "paper");
      ModelNames names;
      for (const SweepCell& cell : cells_of(sweep, table.name, data)) {
        const SweepRow& row = *cell.first;
        const std::string rule =
            row.paper_count > 0 ? fixed_text(static_cast<double>(row.paper_count) / kMillion, 2)
                                : "-";
        text += line_of(fmt::format("{:23} {:>4} {:>12} {:>10} {:>7}  {}", names.next(row.model),
                                    row.method(), count_text(row.updated_parameters), rule,
                                    millions_text(row.paper_millions), row.paper_note));
      }
    }
  }
  return text.empty() ? text : text.substr(1);
}

}  // namespace lorae::report
