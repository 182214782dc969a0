#include <algorithm>
#include <array>
#include <sstream>

#include "base/str.h"
#include "report/comparison.h"
#include "report/text.h"

namespace lorae::report {
namespace {

constexpr std::size_t kColumns = 9;
using Row = std::array<std::string, kColumns>;

/// "123,456 (1.1 %)".
std::string trainable_text(const ComparisonSummary& summary) {
  const std::string count = count_text(summary.trainable_parameters);
  if (summary.total_parameters == 0) {
    return count;
  }
  const double share = static_cast<double>(summary.trainable_parameters) /
                       static_cast<double>(summary.total_parameters);
  return str(count, " (", tick_percent_text(share), ")");
}

Row row_of(const ComparisonSummary& summary, bool names_metric) {
  const Ratio& ratio = summary.ratio;
  const std::string metric = metric_text(summary, kPlainSign);
  return {summary.running
              ? str(summary.name, " (round ", summary.rounds, " of ", summary.planned_rounds, ")")
              : summary.name,
          trainable_text(summary),
          compared_text(summary, summary.uplink_bytes, ratio.uplink_ratio, "x"),
          compared_text(summary, summary.downlink_bytes, ratio.downlink_ratio, "x"),
          times_text(ratio.total_ratio),
          names_metric && metric != "-" ? str(summary.main_metric, " ", metric, " %") : metric,
          summary.is_baseline ? "" : difference_text(ratio, kPlainSign),
          ratio.bytes_to_target ? bytes_text(ratio.bytes_to_target->bytes) : "-",
          fixed_text(summary.seconds, 1)};
}

/// The names, then the columns from `begin` to `end`.
std::string block(const std::vector<Row>& rows,
                  const Row& lines,
                  std::size_t begin,
                  std::size_t end) {
  std::string text;
  const auto add_line = [&](const Row& row, char fill) {
    text += row[0] + std::string(lines[0].size() - row[0].size(), fill);
    for (std::size_t i = begin; i < end; ++i) {
      text += "  " + std::string(lines[i].size() - row[i].size(), fill) + row[i];
    }
    text += "\n";
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    add_line(rows[i], ' ');
    if (i == 0) {
      add_line({}, '-');
    }
  }
  return text;
}

/// Under each other, in as many blocks as keep their lines within `columns`.
std::string aligned(const std::vector<Row>& rows, std::size_t columns) {
  Row lines;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      lines[i].resize(std::max(lines[i].size(), row[i].size()), '-');
    }
  }
  std::string text;
  for (std::size_t begin = 1, end = 1; begin < kColumns; begin = end) {
    std::size_t width = lines[0].size();
    while (end < kColumns && (end == begin || width + 2 + lines[end].size() <= columns)) {
      width += 2 + lines[end++].size();
    }
    text += (begin == 1 ? "" : "\n") + block(rows, lines, begin, end);
  }
  return text;
}

/// Lines of at most `columns` characters, broken at blanks.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    while (line.size() > columns) {
      const std::size_t blank = line.rfind(' ', columns);
      if (blank == std::string::npos || blank < 3) {
        break;
      }
      result += line.substr(0, blank) + "\n";
      line = "  " + line.substr(blank + 1);
    }
    result += line + "\n";
  }
  return result;
}

std::string legend(const Comparison& comparison, const std::string& heading, bool several) {
  std::string text = "\nuplink, downlink: mean bytes per client and round (times less than '" +
                     comparison.baseline + "'); total ratio: both ways\n";
  if (several) {
    text += heading + ": mean over the seeds +- half the distance of the lowest and the highest\n";
  }
  text += "points: percent points against '" + comparison.baseline + "'";
  text += several ? " +- standard error of the mean over the seeds\n" : "\n";
  if (const std::optional<Target> target = target_of(comparison)) {
    text += str("to target: bytes of all clients, both ways, until ", target->metric, " reached ",
                percent_text(target->value), " %");
    text += comparison.target ? "\n" : str(", 95 % of '", comparison.baseline, "'\n");
  }
  return text;
}

}  // namespace

std::string comparison_table(const Comparison& comparison, std::size_t columns) {
  const std::vector<std::string> metrics = main_metrics(comparison);
  const std::string heading = metric_heading(metrics);
  std::vector<Row> rows = {{"method", "trainable", "uplink", "downlink", "total ratio",
                            metrics.size() == 1 ? heading + " %" : heading, "points", "to target",
                            "seconds"}};
  bool several = false;
  for (const ComparisonSummary& summary : summaries(comparison)) {
    rows.push_back(row_of(summary, metrics.size() > 1));
    several = several || summary.seeds > 1;
  }
  return wrapped(title_of(comparison) + ": bytes per round, " + heading, columns) + "\n" +
         aligned(rows, columns) + wrapped(legend(comparison, heading, several), columns);
}

}  // namespace lorae::report
