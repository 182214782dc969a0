#pragma once

#include <map>
#include <string>
#include <vector>

#include "report/report.h"

namespace lorae::report {

/// One x of a curve, with what its seeds reached there.
struct CurvePoint {
  double x = 0;
  double mean = 0;
  double low = 0;
  double high = 0;
};

struct Curve {
  std::string name;
  int color = 0;  ///< see `stroke_class`
  std::vector<CurvePoint> points;
};

enum class Scale { kLinear, kLog };

struct LineChart {
  std::string label;  ///< what a screen reader says
  std::string x_label;
  std::string y_label;
  Scale x_scale = Scale::kLinear;
  std::string (*x_text)(double) = nullptr;
  std::string (*y_text)(double) = nullptr;
  std::vector<Curve> curves;
};

/// Mean lines in bands from the lowest to the highest seed. Points that are not finite, or not
/// positive on a logarithmic axis, are left out; "" if none is left.
std::string line_chart(const LineChart& chart);

/// The stages of all layers together, in order. A layer without a stage counts there with what it
/// had before it.
LayerBytes sum_of(const std::vector<LayerBytes>& layers, const std::string& name);

/// Two bars for each layer, its first and its last stage, in the order given; beyond a readable
/// number the smallest layers are summed into one row.
std::string layer_bars(const std::string& label, const std::vector<LayerBytes>& layers, int color);

/// Colour of a run name.
using Colors = std::map<std::string, int>;

/// The run names of the curves, in order of appearance.
std::vector<std::string> curve_names(const std::vector<ReportRun>& runs);

/// A section for each main metric over rounds, over uplink and over total bytes; "" without points.
std::string curve_sections(const std::vector<ReportRun>& runs, const Colors& colors);

/// Clients down, classes across; beyond a readable number the rest is left out and said to be.
std::string class_map(const std::vector<ClientClasses>& clients,
                      const std::vector<std::string>& class_names);

}  // namespace lorae::report
