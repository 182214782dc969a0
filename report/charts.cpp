#include "report/charts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/str.h"
#include "report/svg.h"
#include "report/text.h"

namespace lorae::report {
namespace {

using Anchor = Canvas::Anchor;

constexpr double kWidth = 680;
constexpr double kHeight = 340;
constexpr double kLeft = 62;
constexpr double kRight = 22;
constexpr double kTop = 12;
constexpr double kBottom = 48;

/// The finite points of a curve that its axis can show.
std::vector<CurvePoint> visible(const Curve& curve, Scale scale) {
  std::vector<CurvePoint> points;
  for (const CurvePoint& point : curve.points) {
    if (std::isfinite(point.x) && std::isfinite(point.low) && std::isfinite(point.high) &&
        std::isfinite(point.mean) && (scale == Scale::kLinear || point.x > 0)) {
      points.push_back(point);
    }
  }
  return points;
}

/// Where values lie on the page.
struct Frame {
  Scale scale = Scale::kLinear;
  double x_low = std::numeric_limits<double>::infinity();
  double x_high = -std::numeric_limits<double>::infinity();
  double y_low = std::numeric_limits<double>::infinity();
  double y_high = -std::numeric_limits<double>::infinity();

  void include(const CurvePoint& point) {
    x_low = std::min(x_low, point.x);
    x_high = std::max(x_high, point.x);
    y_low = std::min(y_low, point.low);
    y_high = std::max(y_high, point.high);
  }
  double x(double value) const {
    const double place = scale == Scale::kLog ? std::log(value / x_low) / std::log(x_high / x_low)
                                              : (value - x_low) / (x_high - x_low);
    return kLeft + place * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - (value - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom);
  }
  std::string at(double x_value, double y_value) const {
    return coordinate(x(x_value)) + " " + coordinate(y(y_value));
  }
};

void draw_axes(Canvas& canvas, Frame& frame, const LineChart& chart) {
  const std::vector<double> y_ticks = linear_ticks(frame.y_low, frame.y_high, 5);
  frame.y_low = y_ticks.front();
  frame.y_high = y_ticks.back();
  std::vector<double> x_ticks;
  if (frame.scale == Scale::kLog) {
    frame.x_low /= 1.15;  // also keeps a single point off the axis
    frame.x_high *= 1.15;
    x_ticks = log_ticks(frame.x_low, frame.x_high);
  } else {
    x_ticks = linear_ticks(frame.x_low, frame.x_high, 8);
    frame.x_high = std::max(frame.x_high, frame.x_low + 1);
  }
  const double floor = kHeight - kBottom;
  for (const double tick : y_ticks) {
    canvas.line(kLeft, frame.y(tick), kWidth - kRight, frame.y(tick), "rule");
    canvas.text(kLeft - 8, frame.y(tick) + 4, chart.y_text(tick), Anchor::kEnd, "soft");
  }
  for (const double tick : x_ticks) {
    if (tick < frame.x_low || tick > frame.x_high) {
      continue;
    }
    canvas.line(frame.x(tick), floor, frame.x(tick), floor + 5, "axis");
    canvas.text(frame.x(tick), floor + 19, chart.x_text(tick), Anchor::kMiddle, "soft");
  }
  canvas.line(kLeft, floor, kWidth - kRight, floor, "axis");
  canvas.text((kLeft + kWidth - kRight) / 2, kHeight - 8, chart.x_label, Anchor::kMiddle, "soft");
  canvas.upward_text(14, (kTop + floor) / 2, chart.y_label);
}

void draw_curve(Canvas& canvas,
                const Frame& frame,
                const std::vector<CurvePoint>& points,
                int color) {
  if (points.empty()) {
    return;
  }
  std::string line;
  std::string band;
  bool spread = false;
  for (const CurvePoint& point : points) {
    line += (line.empty() ? "M" : "L") + frame.at(point.x, point.mean);
    band += (band.empty() ? "M" : "L") + frame.at(point.x, point.high);
    spread = spread || point.high > point.low;
  }
  // NOLINTNEXTLINE(modernize-loop-convert): clang 14 does not read libstdc++'s views
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    band += "L" + frame.at(point->x, point->low);
  }
  if (spread) {
    canvas.path(band + "Z", "band " + fill_class(color));
  }
  canvas.path(line, "curve " + stroke_class(color));
  canvas.circle(frame.x(points.back().x), frame.y(points.back().mean), 3.5, fill_class(color));
}

}  // namespace

std::string line_chart(const LineChart& chart) {
  Frame frame;
  frame.scale = chart.x_scale;
  for (const Curve& curve : chart.curves) {
    for (const CurvePoint& point : visible(curve, chart.x_scale)) {
      frame.include(point);
    }
  }
  if (!(frame.x_low <= frame.x_high)) {
    return "";
  }
  Canvas canvas(kWidth, kHeight, chart.label);
  draw_axes(canvas, frame, chart);
  for (const Curve& curve : chart.curves) {
    draw_curve(canvas, frame, visible(curve, chart.x_scale), curve.color);
  }
  return canvas.inline_svg();
}

}  // namespace lorae::report
