#include "report/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/atomic_file.h"
#include "base/str.h"
#include "report/charts.h"
#include "report/svg.h"
#include "report/text.h"

namespace lorae::report {
namespace {

constexpr std::string_view kPageStyle = R"css(
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 8px}
h2{font-size:20px;margin:44px 0 4px}
h3{font-size:16px;margin:24px 0 4px}
p{margin:4px 0 12px;color:var(--soft);max-width:70ch}
svg{width:100%;height:auto;display:block;margin-top:8px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;margin:28px 0}
.card{background:var(--panel);border-radius:10px;padding:16px 18px}
.card b{display:block;font-size:28px;line-height:1.2}
.card span{color:var(--soft);font-size:14px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:7px 10px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:10px 0 0;padding:0;list-style:none;
font-size:14px}
.legend svg{display:inline-block;width:34px;height:10px;margin:0 6px 0 0;vertical-align:middle}
)css";

using Colors = std::map<std::string, int>;

/// The baseline is neutral; the other names take the palette in order of appearance.
Colors colors_of(const Report& report) {
  Colors colors = {{report.comparison.baseline, 0}};
  int next = 1;
  const auto add = [&](const std::string& name) {
    if (colors.try_emplace(name, next).second) {
      ++next;
    }
  };
  for (const ComparisonRun& run : report.comparison.runs) {
    add(run.name);
  }
  for (const ReportRun& run : report.runs) {
    add(run.name);
  }
  return colors;
}

/// The run names of the curves, in order of appearance.
std::vector<std::string> curve_names(const Report& report) {
  std::vector<std::string> names;
  for (const ReportRun& run : report.runs) {
    if (std::find(names.begin(), names.end(), run.name) == names.end()) {
      names.push_back(run.name);
    }
  }
  return names;
}

/// Joins the seeds of one name: points with the same key become one.
class CurveMaker {
 public:
  void add(std::uint64_t key, double x, double y) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      return;
    }
    const auto [place, first] = points_.try_emplace(key, CurvePoint{.low = y, .high = y}, 0);
    auto& [point, count] = place->second;
    ++count;
    point.x += (x - point.x) / count;
    point.mean += (y - point.mean) / count;
    point.low = std::min(point.low, y);
    point.high = std::max(point.high, y);
  }

  std::vector<CurvePoint> points() const {
    std::vector<CurvePoint> result;
    for (const auto& [key, value] : points_) {
      result.push_back(value.first);
    }
    return result;
  }

 private:
  std::map<std::uint64_t, std::pair<CurvePoint, int>> points_;
};

std::vector<Curve> curves(const Report& report, const Colors& colors, bool over_uplink) {
  std::vector<Curve> result;
  for (const std::string& name : curve_names(report)) {
    CurveMaker maker;
    for (const ReportRun& run : report.runs) {
      if (run.name != name) {
        continue;
      }
      if (over_uplink) {
        // Seeds differ a little in bytes, so their n-th points belong together.
        for (std::size_t i = 0; i < run.accuracy_over_uplink.size(); ++i) {
          maker.add(i, run.accuracy_over_uplink[i].first, run.accuracy_over_uplink[i].second);
        }
      } else {
        for (const auto& [round, accuracy] : run.accuracy) {
          maker.add(round, static_cast<double>(round), accuracy);
        }
      }
    }
    result.push_back({.name = name, .color = colors.at(name), .points = maker.points()});
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

std::string curve_section(const std::string& note, const LineChart& chart) {
  const std::string picture = line_chart(chart);
  return picture.empty() ? ""
                         : str("<h2>", chart.label, "</h2>\n<p>", note, "</p>\n",
                               legend(chart.curves), picture);
}

std::string curve_sections(const Report& report, const Colors& colors) {
  const std::string y_label = "accuracy (percent)";
  const LineChart rounds{.label = "Accuracy over rounds",
                         .x_label = "round",
                         .y_label = y_label,
                         .x_text = &round_text,
                         .y_text = &tick_percent_text,
                         .curves = curves(report, colors, false)};
  const LineChart uplink{.label = "Accuracy over uplink",
                         .x_label = "cumulative uplink of all clients (bytes, logarithmic)",
                         .y_label = y_label,
                         .x_scale = Scale::kLog,
                         .x_text = &tick_bytes_text,
                         .y_text = &tick_percent_text,
                         .curves = curves(report, colors, true)};
  return curve_section("Mean over the seeds; the band reaches from the lowest to the highest seed.",
                       rounds) +
         curve_section(
             "What all clients together had sent when the global model reached an "
             "accuracy. On the logarithmic axis each power of ten is the same distance.",
             uplink);
}

std::string card(const std::string& value, const std::string& what) {
  return str("<div class=\"card\"><b>", escape(value), "</b><span>", escape(what),
             "</span></div>\n");
}

/// The numbers of the most accurate method but the baseline.
std::string headline(const Report& report) {
  const std::vector<ComparisonSummary> rows = summaries(report.comparison);
  const ComparisonSummary* best = nullptr;
  for (const ComparisonSummary& row : rows) {
    if (!row.is_baseline &&
        (best == nullptr || !std::isfinite(best->accuracy) || row.accuracy > best->accuracy)) {
      best = &row;
    }
  }
  if (best == nullptr) {
    return "";
  }
  const std::string& base = report.comparison.baseline;
  std::string cards;
  if (std::isfinite(best->uplink_ratio)) {
    cards += card(times_text(best->uplink_ratio) + " \u00d7 less",
                  "uplink with " + best->name + " than with " + base);
  }
  cards += card(bytes_text(best->uplink_bytes), "uplink per client and round, " + best->name);
  cards += card(accuracy_text(*best, "\u00b1") + " %",
                "accuracy, " + best->name +
                    (std::isfinite(best->accuracy_difference)
                         ? ": " + points_text(best->accuracy_difference) + " points to " + base
                         : ""));
  if (best->total_parameters > 0) {
    cards += card(percent_text(static_cast<double>(best->trainable_parameters) /
                               static_cast<double>(best->total_parameters)) +
                      " %",
                  "of the parameters trained: " + count_text(best->trainable_parameters));
  }
  return "<div class=\"cards\">\n" + cards + "</div>\n";
}

std::string table(const Comparison& comparison) {
  if (comparison.runs.empty()) {
    return "";
  }
  std::string body;
  for (const ComparisonSummary& row : summaries(comparison)) {
    body += "<tr>";
    for (const std::string& cell :
         {row.name, str(row.seeds), count_text(row.trainable_parameters),
          bytes_text(row.uplink_bytes), times_text(row.uplink_ratio),
          bytes_text(row.downlink_bytes), times_text(row.downlink_ratio),
          accuracy_text(row, "\u00b1"),
          row.is_baseline ? std::string() : points_text(row.accuracy_difference),
          fixed_text(row.seconds, 1)}) {
      body += "<td>" + escape(cell) + "</td>";
    }
    body += "</tr>\n";
  }
  return "<h2>Comparison</h2>\n<p>Bytes are means per client and round; times less and points "
         "(percent of accuracy) are against " +
         escape(comparison.baseline) +
         "; \u00b1 is half the distance of the lowest and the highest seed.</p>\n"
         "<div class=\"wide\"><table>\n<tr><th>method</th><th>seeds</th><th>trainable</th>"
         "<th>uplink</th><th>times less</th><th>downlink</th><th>times less</th>"
         "<th>accuracy %</th><th>points</th><th>seconds</th></tr>\n" +
         body + "</table></div>\n";
}

std::string layer_sections(const Report& report, const Colors& colors) {
  std::string sections;
  for (const std::string& name : curve_names(report)) {
    const auto run = std::find_if(report.runs.begin(), report.runs.end(),
                                  [&](const ReportRun& other) { return other.name == name; });
    const std::string picture =
        layer_bars("Uplink bytes by layer, " + name, run->layers, colors.at(name));
    if (picture.empty()) {
      continue;
    }
    double raw = 0;
    double encoded = 0;
    for (const LayerBytes& layer : run->layers) {
      raw += layer.raw;
      encoded += layer.encoded;
    }
    sections += str("<h3>", escape(name), "</h3>\n<p>raw ", bytes_text(raw), ", encoded ",
                    bytes_text(encoded), " (", times_text(raw / encoded),
                    " times less); framed, with everything around it, ",
                    bytes_text(run->framed_per_client_round), " per client and round. Seed ",
                    run->seed, ".</p>\n", picture);
  }
  return sections.empty() ? ""
                          : "<h2>Bytes by layer and stage</h2>\n<p>Grey: raw, the float32 values. "
                            "Coloured: encoded, as sent; the number is its size.</p>\n" +
                                sections;
}

}  // namespace

std::string report_html(const Report& report) {
  const Colors colors = colors_of(report);
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>" +
      escape(report.title) + "</title>\n<style>\n" + chart_style() + std::string(kPageStyle) +
      "</style>\n</head>\n<body>\n<main>\n<h1>" + escape(report.title) + "</h1>\n";
  for (const std::string& line : report.subtitle) {
    page += "<p>" + escape(line) + "</p>\n";
  }
  page += headline(report) + table(report.comparison) + curve_sections(report, colors) +
          layer_sections(report, colors);
  const std::string classes = class_map(report.clients, report.class_names);
  if (!classes.empty()) {
    page +=
        "<h2>Who holds which classes</h2>\n<p>Examples of each class at each client; darker "
        "is more.</p>\n" +
        classes;
  }
  return page + "</main>\n</body>\n</html>\n";
}

void write_report(const std::filesystem::path& path, const Report& report) {
  write_file_atomic(path, report_html(report));
}

}  // namespace lorae::report
