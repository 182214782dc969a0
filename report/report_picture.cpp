#include <algorithm>
#include <cmath>

#include "base/atomic_file.h"
#include "base/str.h"
#include "report/report.h"
#include "report/svg.h"
#include "report/text.h"

namespace lorae::report {
namespace {

using Anchor = Canvas::Anchor;

constexpr double kWidth = 860;
constexpr double kRow = 38;
constexpr double kTop = 84;

/// One horizontal axis of the picture.
struct Panel {
  double left;
  double right;
  double low;
  double high;

  double x(double value) const { return left + (value - low) / (high - low) * (right - left); }
};

constexpr double kBarsLeft = 190;
constexpr double kBarsRight = 430;  // the room until the next panel is for the values
constexpr double kDotsLeft = 590;
constexpr double kDotsRight = 745;

void draw_axis(Canvas& canvas,
               const Panel& panel,
               double floor,
               const std::vector<double>& ticks,
               std::string (*text)(double),
               const std::string& label) {
  for (const double tick : ticks) {
    canvas.line(panel.x(tick), kTop - 8, panel.x(tick), floor, "rule");
    canvas.text(panel.x(tick), floor + 17, text(tick), Anchor::kMiddle, "soft");
  }
  canvas.text((panel.left + panel.right) / 2, floor + 37, label, Anchor::kMiddle, "soft");
}

Panel metric_panel(const std::vector<ComparisonSummary>& rows, std::vector<double>& ticks) {
  double low = 1;
  double high = 0;
  for (const ComparisonSummary& row : rows) {
    if (std::isfinite(row.metric_low) && std::isfinite(row.metric_high)) {
      low = std::min(low, row.metric_low);
      high = std::max(high, row.metric_high);
    }
  }
  ticks = low <= high ? linear_ticks(low, high, 3) : linear_ticks(0, 1, 3);
  return {kDotsLeft, kDotsRight, ticks.front(), ticks.back()};
}

void draw_row(Canvas& canvas,
              const ComparisonSummary& row,
              double y,
              int color,
              const Panel& bars,
              const Panel& dots,
              bool names_metric) {
  canvas.text(kBarsLeft - 12, y + 4, shorten(row.name, 26), Anchor::kEnd,
              row.is_baseline ? "" : "strong");
  const double bytes = std::isfinite(row.uplink_bytes) ? row.uplink_bytes : 0;
  canvas.rectangle(kBarsLeft, y - 9, bars.x(bytes) - kBarsLeft, 18, fill_class(color));
  const bool compared = !row.is_baseline && std::isfinite(row.ratio.uplink_ratio);
  canvas.text(bars.x(bytes) + 8, y + 4,
              bytes_text(row.uplink_bytes) +
                  (compared ? ", " + times_text(row.ratio.uplink_ratio) + " times less" : ""));
  if (std::isfinite(row.metric)) {
    canvas.line(dots.x(row.metric_low), y, dots.x(row.metric_high), y,
                "whisker " + stroke_class(color));
    canvas.circle(dots.x(row.metric), y, 5.5, fill_class(color));
  }
  canvas.text(kDotsRight + 14, y + 4, with_percent(metric_text(row, kSign)));
  if (names_metric) {
    canvas.text(kDotsRight + 14, y + 16, row.main_metric, Anchor::kStart, "small soft");
  }
}

}  // namespace

std::string comparison_svg(const Comparison& comparison) {
  const std::vector<ComparisonSummary> rows = summaries(comparison);
  const std::vector<std::string> metrics = main_metrics(comparison);
  const std::string heading = metric_heading(metrics);
  double most = 1;
  for (const ComparisonSummary& row : rows) {
    most = std::max(most, std::isfinite(row.uplink_bytes) ? row.uplink_bytes : 0);
  }
  const double floor = kTop + kRow * static_cast<double>(rows.size());
  Canvas canvas(kWidth, floor + 52, "LoRAE versus full-parameter federated training");
  canvas.text(24, 34, "LoRAE versus full-parameter federated training", Anchor::kStart, "title");
  canvas.text(kBarsLeft, 62, "Uplink per client and round", Anchor::kStart, "strong");
  canvas.text(kDotsLeft, 62, "Global model: " + heading, Anchor::kStart, "strong");

  const std::vector<double> byte_ticks = linear_ticks(0, most, 3);
  const Panel bars{kBarsLeft, kBarsRight, 0, byte_ticks.back()};
  std::vector<double> metric_ticks;
  const Panel dots = metric_panel(rows, metric_ticks);
  draw_axis(canvas, bars, floor, byte_ticks, &tick_bytes_text, "bytes, mean over rounds");
  draw_axis(canvas, dots, floor, metric_ticks, &tick_percent_text, heading + " (percent)");

  int color = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = kTop + kRow * (static_cast<double>(i) + 0.5);
    draw_row(canvas, rows[i], y, rows[i].is_baseline ? 0 : ++color, bars, dots, metrics.size() > 1);
  }
  return canvas.standalone_svg();
}

void write_comparison_svg(const std::filesystem::path& path, const Comparison& comparison) {
  write_file_atomic(path, comparison_svg(comparison));
}

}  // namespace lorae::report
