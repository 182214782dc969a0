#include <algorithm>
#include <cmath>
#include <map>

#include "base/str.h"
#include "report/charts.h"
#include "report/svg.h"
#include "report/text.h"

namespace lorae::report {
namespace {

enum class Axis { kRounds, kUplink, kTotal };

/// Joins the seeds of one name: points of the same round become one.
class CurveMaker {
 public:
  void add(RoundId round, double x, double y) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      return;
    }
    const auto [place, first] = points_.try_emplace(round, CurvePoint{.low = y, .high = y}, 0);
    auto& [point, count] = place->second;
    ++count;
    point.x += (x - point.x) / count;
    point.mean += (y - point.mean) / count;
    point.low = std::min(point.low, y);
    point.high = std::max(point.high, y);
  }

  std::vector<CurvePoint> points() const {
    std::vector<CurvePoint> result;
    for (const auto& [round, value] : points_) {
      result.push_back(value.first);
    }
    return result;
  }

 private:
  std::map<RoundId, std::pair<CurvePoint, int>> points_;
};

double x_of(const MetricPoint& point, Axis axis) {
  switch (axis) {
    case Axis::kUplink:
      return point.uplink_bytes;
    case Axis::kTotal:
      return point.total_bytes;
    default:
      return static_cast<double>(point.round.value);
  }
}

/// Of the runs that have this main metric.
std::vector<Curve> curves(const std::vector<ReportRun>& runs,
                          const std::string& metric,
                          const Colors& colors,
                          Axis axis) {
  std::vector<Curve> result;
  for (const std::string& name : curve_names(runs)) {
    CurveMaker maker;
    for (const ReportRun& run : runs) {
      if (run.name != name || run.main_metric != metric) {
        continue;
      }
      // Seeds differ a little in bytes, so what they reached in one round belongs together.
      for (const MetricPoint& point : run.points) {
        maker.add(point.round, x_of(point, axis), point.metric);
      }
    }
    std::vector<CurvePoint> points = maker.points();
    if (!points.empty()) {
      result.push_back({.name = name, .color = colors.at(name), .points = std::move(points)});
    }
  }
  return result;
}

std::string legend(const std::vector<Curve>& shown) {
  std::string items;
  for (const Curve& curve : shown) {
    items +=
        str("<li><svg viewBox=\"0 0 34 10\" aria-hidden=\"true\"><path class=\"curve ",
            stroke_class(curve.color), "\" d=\"M1 5H33\"/></svg>", escape(curve.name), "</li>\n");
  }
  return "<ul class=\"legend\">\n" + items + "</ul>\n";
}

std::string round_text(double value) {
  return fixed_text(value, 0);
}

std::string section(const std::string& note, const LineChart& chart) {
  const std::string picture = line_chart(chart);
  return picture.empty() ? ""
                         : str("<h2>", escape(chart.label), "</h2>\n<p>", note, "</p>\n",
                               legend(chart.curves), picture);
}

std::string sections_of(const std::vector<ReportRun>& runs,
                        const std::string& metric,
                        const Colors& colors) {
  const auto over_bytes = [&](const std::string& what, Axis axis) {
    return LineChart{.label = metric + " over " + what,
                     .x_label = "cumulative " + what + " of all clients (bytes, logarithmic)",
                     .y_label = metric + " (percent)",
                     .x_scale = Scale::kLog,
                     .x_text = &tick_bytes_text,
                     .y_text = &tick_percent_text,
                     .curves = curves(runs, metric, colors, axis)};
  };
  const LineChart rounds{.label = metric + " over rounds",
                         .x_label = "round",
                         .y_label = metric + " (percent)",
                         .x_text = &round_text,
                         .y_text = &tick_percent_text,
                         .curves = curves(runs, metric, colors, Axis::kRounds)};
  return section("Mean over the seeds; the band reaches from the lowest to the highest seed.",
                 rounds) +
         section(
             "What all clients together had sent when the global model reached a value. On the "
             "logarithmic axis each power of ten is the same distance.",
             over_bytes("uplink", Axis::kUplink)) +
         section(
             "What all clients together had sent and received, without the backbone, when the "
             "global model reached a value.",
             over_bytes("uplink and downlink", Axis::kTotal));
}

}  // namespace

std::vector<std::string> curve_names(const std::vector<ReportRun>& runs) {
  std::vector<std::string> names;
  for (const ReportRun& run : runs) {
    if (std::find(names.begin(), names.end(), run.name) == names.end()) {
      names.push_back(run.name);
    }
  }
  return names;
}

std::string curve_sections(const std::vector<ReportRun>& runs, const Colors& colors) {
  std::vector<std::string> metrics;
  for (const ReportRun& run : runs) {
    if (!run.main_metric.empty() &&
        std::find(metrics.begin(), metrics.end(), run.main_metric) == metrics.end()) {
      metrics.push_back(run.main_metric);
    }
  }
  std::string text;
  for (const std::string& metric : metrics) {
    text += sections_of(runs, metric, colors);
  }
  return text;
}

}  // namespace lorae::report
