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
main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 8px}
h2{font-size:20px;margin:44px 0 4px}
h3{font-size:16px;margin:24px 0 4px}
p{margin:4px 0 12px;color:var(--soft);max-width:70ch}
svg{width:100%;height:auto;display:block;margin-top:8px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;margin:28px 0}
.card{background:var(--panel);border-radius:10px;padding:16px 18px}
.card b{display:block;font-size:24px;line-height:1.3;white-space:nowrap}
.card span{color:var(--soft);font-size:14px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:7px 8px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:10px 0 0;padding:0;list-style:none;
font-size:14px}
.legend svg{display:inline-block;width:34px;height:10px;margin:0 6px 0 0;vertical-align:middle}
)css";

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

std::string card(const std::string& value, const std::string& what) {
  return str("<div class=\"card\"><b>", escape(value), "</b><span>", escape(what),
             "</span></div>\n");
}

/// The best method but the baseline among those that can be compared with it; the first one if none
/// was measured.
const ComparisonSummary* best_of(const std::vector<ComparisonSummary>& rows,
                                 const std::string& metric) {
  const ComparisonSummary* best = nullptr;
  const auto value = [&](const ComparisonSummary& row) {
    return row.main_metric == metric && std::isfinite(row.metric) ? row.metric : -1;
  };
  for (const ComparisonSummary& row : rows) {
    if (!row.is_baseline && (best == nullptr || value(row) > value(*best))) {
      best = &row;
    }
  }
  return best;
}

std::string headline(const Report& report) {
  const std::vector<ComparisonSummary> rows = summaries(report.comparison);
  const std::optional<Target> target = target_of(report.comparison);
  const ComparisonSummary* best = best_of(rows, target ? target->metric : "");
  if (best == nullptr) {
    return "";
  }
  const std::string& base = report.comparison.baseline;
  const Ratio& ratio = best->ratio;
  const std::string sent = bytes_text(best->uplink_bytes) + " per client and round";
  std::string cards;
  if (std::isfinite(ratio.uplink_ratio)) {
    cards += card(times_text(ratio.uplink_ratio) + " \u00d7 less",
                  str("uplink with ", best->name, " than with ", base, ": ", sent));
    cards += card(times_text(ratio.total_ratio) + " \u00d7 less",
                  str("uplink and downlink together with ", best->name));
  } else {
    cards += card(bytes_text(best->uplink_bytes), "uplink per client and round, " + best->name);
  }
  if (std::isfinite(best->metric)) {
    cards += card(with_percent(metric_text(*best, kSign)),
                  str(best->main_metric, ", ", best->name,
                      std::isfinite(ratio.metric_difference)
                          ? str(": ", difference_text(ratio, kSign), " points to ", base)
                          : ""));
  }
  if (best->total_parameters > 0) {
    cards += card(with_percent(percent_text(static_cast<double>(best->trainable_parameters) /
                                            static_cast<double>(best->total_parameters))),
                  "of the parameters trained: " + count_text(best->trainable_parameters));
  }
  return "<div class=\"cards\">\n" + cards + "</div>\n";
}

/// "812 MB, round 12"; whole rounds where the seeds agree.
std::string reached_text(const std::optional<BytesToTarget>& reached) {
  return reached ? str(bytes_text(reached->bytes), ", round ", coordinate(reached->round)) : "-";
}

std::string table_note(const Comparison& comparison) {
  const std::string base = escape(comparison.baseline);
  std::string note =
      str("Bytes are means per client and round; 41\u00d7 means 41 times less than ", base,
          "; total ratio: uplink and downlink together. \u00b1 is half the distance of the lowest "
          "and the highest seed. Points are percent points against ",
          base, " \u00b1 the standard error of their mean.");
  if (const std::optional<Target> target = target_of(comparison)) {
    note += str(" Bytes to target: of all clients, both ways, until ", escape(target->metric),
                " reached ", percent_text(target->value), " %",
                comparison.target ? "" : ", 95 % of " + base, ".");
  }
  return note;
}

std::string table(const Comparison& comparison) {
  if (comparison.runs.empty()) {
    return "";
  }
  const std::vector<std::string> metrics = main_metrics(comparison);
  const std::string heading = metric_heading(metrics) + (metrics.size() == 1 ? " %" : "");
  std::string body;
  for (const ComparisonSummary& row : summaries(comparison)) {
    const Ratio& ratio = row.ratio;
    const std::string metric = metric_text(row, kSign);
    body += "<tr>";
    for (const std::string& cell :
         {row.name, str(row.seeds), count_text(row.trainable_parameters),
          compared_text(row, row.uplink_bytes, ratio.uplink_ratio, "\u00d7"),
          compared_text(row, row.downlink_bytes, ratio.downlink_ratio, "\u00d7"),
          times_text(ratio.total_ratio),
          metrics.size() > 1 && metric != "-" ? str(row.main_metric, " ", metric, " %") : metric,
          row.is_baseline ? std::string() : difference_text(ratio, kSign),
          reached_text(ratio.bytes_to_target), fixed_text(row.seconds, 1)}) {
      body += "<td>" + escape(cell) + "</td>";
    }
    body += "</tr>\n";
  }
  return "<h2>Comparison</h2>\n<p>" + table_note(comparison) +
         "</p>\n<div class=\"wide\"><table>\n<tr><th>method</th><th>seeds</th><th>trainable</th>"
         "<th>uplink</th><th>downlink</th><th>total ratio</th><th>" +
         escape(heading) + "</th><th>points</th><th>bytes to target</th><th>seconds</th></tr>\n" +
         body + "</table></div>\n";
}
std::string layer_sections(const Report& report, const Colors& colors) {
  std::string sections;
  for (const std::string& name : curve_names(report.runs)) {
    const auto run = std::find_if(report.runs.begin(), report.runs.end(),
                                  [&](const ReportRun& other) { return other.name == name; });
    const std::string picture =
        layer_bars("Uplink bytes by layer, " + name, run->layers, colors.at(name));
    if (picture.empty()) {
      continue;
    }
    const LayerBytes sum = sum_of(run->layers, name);
    const double times = sum.stages.front().second / sum.stages.back().second;
    sections += str("<h3>", escape(name), "</h3>\n<p>", escape(stages_text(sum)), " (",
                    times_text(times), " times less); framed, with everything around it, ",
                    bytes_text(run->framed_per_client_round), " per client and round. Seed ",
                    run->seed, ".</p>\n", picture);
  }
  return sections.empty() ? ""
                          : "<h2>Bytes by layer and stage</h2>\n<p>Grey: the first stage, raw "
                            "float32 values. Coloured: the last one, as sent; the number is its "
                            "size.</p>\n" +
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
  page += headline(report) + table(report.comparison) + curve_sections(report.runs, colors) +
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
