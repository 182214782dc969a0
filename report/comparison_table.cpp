#include <algorithm>
#include <array>
#include <cmath>

#include "report/comparison.h"
#include "report/text.h"

namespace lorae::report {
namespace {

constexpr std::size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;

Row row_of(const ComparisonSummary& summary) {
  const double share = summary.total_parameters > 0
                           ? static_cast<double>(summary.trainable_parameters) /
                                 static_cast<double>(summary.total_parameters)
                           : std::nan("");
  return {summary.name,
          count_text(summary.trainable_parameters) + " (" + percent_text(share) + " %)",
          bytes_text(summary.uplink_bytes),
          times_text(summary.uplink_ratio),
          bytes_text(summary.downlink_bytes),
          accuracy_text(summary, "+-"),
          summary.is_baseline ? "" : points_text(summary.accuracy_difference),
          fixed_text(summary.seconds, 1)};
}

}  // namespace

std::string comparison_table(const Comparison& comparison) {
  std::vector<Row> rows = {{"method", "trainable parameters", "uplink", "times less", "downlink",
                            "accuracy %", "points", "seconds"}};
  bool several = false;
  for (const ComparisonSummary& summary : summaries(comparison)) {
    rows.push_back(row_of(summary));
    several = several || summary.seeds > 1;
  }
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text =
      "LoRAE versus full-parameter federated training: bytes per round, accuracy\n\n";
  const auto add_line = [&](const Row& row, char fill) {
    std::string line;
    for (std::size_t i = 0; i < kColumns; ++i) {
      const std::string space(widths[i] - row[i].size(), fill);
      line += (i == 0 ? "" : "  ") + (i == 0 ? row[i] + space : space + row[i]);
    }
    text += line + "\n";
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    add_line(rows[i], ' ');
    if (i == 0) {
      add_line({}, '-');
    }
  }
  text += "\nuplink, downlink: mean bytes per client and round\n";
  text += "times less, points: against '" + comparison.baseline + "'\n";
  if (several) {
    text += "accuracy: mean over the seeds +- half the distance of the lowest and the highest\n";
  }
  return text;
}

}  // namespace lorae::report
