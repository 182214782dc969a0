#include "report/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/atomic_file.h"
#include "report/charts.h"
#include "report/svg.h"
#include "report/text.h"
#include "tests/base/temporary_folder.h"

namespace lorae::report {
namespace {

ComparisonRun compared(const std::string& name, std::uint64_t seed, double top1, double uplink) {
  ComparisonRun run;
  run.name = name;
  run.method = name;
  run.seed = seed;
  run.metrics = {{"top1", top1}};
  run.trainable_parameters = name == "full" ? 11'173'962 : 247'808;
  run.total_parameters = 11'173'962;
  run.uplink_bytes_per_client_round = uplink;
  run.downlink_bytes_per_client_round = uplink;
  run.seconds = 31;
  for (RoundId round{1}; round <= RoundId{20}; round = round.next()) {
    const auto time = static_cast<double>(round.value);
    run.curve.push_back({round, top1 * (1 - 0.9 * std::exp(-time / 5)), time * 20 * uplink});
  }
  return run;
}

ReportRun curve_of(const ComparisonRun& run) {
  ReportRun result{.name = run.name,
                   .method = run.method,
                   .seed = run.seed,
                   .main_metric = run.metrics.main_name(),
                   .points = {},
                   .layers = {}};
  for (const EvaluatedRound& point : run.curve) {
    result.points.push_back({point.round, point.metric, point.bytes / 2, point.bytes});
  }
  for (int layer = 0; layer < 40; ++layer) {
    const double raw = run.uplink_bytes_per_client_round * (layer + 1) / 200;
    result.layers.push_back({.layer = "layer" + std::to_string(layer) + ".conv",
                             .stages = {{"raw", raw}, {"pruned", raw / 2}, {"encoded", raw / 4}}});
  }
  result.framed_per_client_round = run.uplink_bytes_per_client_round;
  return result;
}

Report example() {
  Report report;
  report.title = "Federated <LoRAE> & friends";
  report.subtitle = {"ResNet-18, Fashion-MNIST, 100 clients, 10 per round, 20 rounds"};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const double shift = 0.01 * static_cast<double>(seed);
    report.comparison.runs.push_back(compared("full", seed, 0.86 + shift, 44.7e6));
    report.comparison.runs.push_back(compared("lorae-4", seed, 0.84 + shift, 251e3));
    report.comparison.runs.push_back(compared("lorae-8 int4", seed, 0.85 + shift, 130e3));
  }
  for (const ComparisonRun& run : report.comparison.runs) {
    report.runs.push_back(curve_of(run));
  }
  report.class_names = {"T-shirt", "Trouser", "Pullover", "Dress", "Coat"};
  for (int client = 0; client < 12; ++client) {
    report.clients.push_back(
        {"client-" + std::to_string(client), {client * 7 % 50, 0, 5, client * client, 300}});
  }
  return report;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

/// The name of the first element that is closed wrongly, or "" if the markup is well-formed.
std::string first_mismatch(const std::string& markup) {
  std::vector<std::string> open;
  for (std::size_t at = markup.find('<'); at != std::string::npos; at = markup.find('<', at + 1)) {
    const std::size_t end = markup.find('>', at);
    const std::string tag = markup.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (tag.starts_with("!") || tag.ends_with("/") || name == "meta") {
      continue;
    }
    if (!tag.starts_with("/")) {
      open.push_back(name);
    } else if (open.empty() || "/" + open.back() != tag) {
      return tag;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(Report, IsOneWellFormedPageWithAllSections) {
  const std::string page = report_html(example());

  EXPECT_EQ(first_mismatch(page), "");
  for (const char* heading :
       {"Comparison", "top1 over rounds", "top1 over uplink<", "top1 over uplink and downlink",
        "Bytes by layer and stage", "Who holds which classes"}) {
    EXPECT_EQ(count(page, std::string("<h2>") + heading), 1U) << heading;
  }
  EXPECT_NE(page.find("prefers-color-scheme:dark"), std::string::npos);
  // $LORAE_REPORT_EXAMPLE: a file to look at.
  if (const char* path = std::getenv("LORAE_REPORT_EXAMPLE")) {
    write_report(path, example());
    write_comparison_svg(std::string(path) + ".svg", example().comparison);
  }
}

TEST(Report, NeedsNothingFromOutside) {
  const std::string page = report_html(example());

  for (const char* outside : {"http", "src=", "href=", "url(", "<script", "@import"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
}

TEST(Report, EscapesEveryText) {
  const std::string evil = "<script>\"'&";
  Report report = example();
  report.title = evil;
  report.subtitle = {evil};
  report.comparison.baseline = evil;
  report.class_names = {evil};
  report.clients[0].client = evil;
  for (ComparisonRun& run : report.comparison.runs) {
    run.name = evil + run.name;
  }
  for (ReportRun& run : report.runs) {
    run.name = evil + run.name;
    run.layers[39].layer = evil;
  }

  const std::string page = report_html(report);

  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;&quot;&#39;&amp;"), std::string::npos);
  EXPECT_EQ(first_mismatch(page), "");
  EXPECT_EQ(comparison_svg(report.comparison).find("<script"), std::string::npos);
}

TEST(Report, HasTheNumbersOfTheBestMethodOnTop) {
  const std::string page = report_html(example());

  EXPECT_NE(page.find("<b>344 \u00d7 less</b><span>uplink with lorae-8 int4 than with full: "
                      "130 kB per client and round</span>"),
            std::string::npos);
  EXPECT_NE(page.find("<b>87.0 \u00b1 1.0 %</b><span>top1, lorae-8 int4: -1.0 \u00b1 0.0 points "
                      "to full"),
            std::string::npos);
  EXPECT_NE(page.find("<b>2.2 %</b><span>of the parameters trained: 247,808</span>"),
            std::string::npos);
}

/// The example of a detector, or of methods with two main metrics.
void rename_metric(Report& report, const std::string& method) {
  for (ComparisonRun& run : report.comparison.runs) {
    if (run.name.starts_with(method)) {
      run.metrics = {{"map50_95", run.metrics.find("top1").value() / 2}};
    }
  }
  for (ReportRun& run : report.runs) {
    if (run.name.starts_with(method)) {
      run.main_metric = "map50_95";
    }
  }
}

TEST(Report, IsNamedByTheMainMetric) {
  Report report = example();
  rename_metric(report, "");

  const std::string page = report_html(report);

  for (const char* part :
       {"<th>map50_95 %</th>", "<h2>map50_95 over rounds</h2>", "<h2>map50_95 over uplink</h2>",
        ">map50_95 (percent)</text>", "<span>map50_95, lorae-8 int4: "}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  for (const std::string& picture : {page, comparison_svg(report.comparison)}) {
    EXPECT_EQ(picture.find("top1"), std::string::npos);
    EXPECT_EQ(picture.find("ccuracy"), std::string::npos);
  }
}

TEST(Report, DrawsTwoMainMetricsApart) {
  Report report = example();
  rename_metric(report, "lorae-4");

  const std::string page = report_html(report);
  const std::string picture = comparison_svg(report.comparison);

  EXPECT_NE(page.find("<h2>top1 over rounds</h2>"), std::string::npos);
  EXPECT_NE(page.find("<h2>map50_95 over rounds</h2>"), std::string::npos);
  EXPECT_NE(page.find("<td>map50_95 43.0 \u00b1 0.5 %</td>"), std::string::npos);
  EXPECT_NE(picture.find(">Global model: main metric<"), std::string::npos);
  EXPECT_NE(picture.find(">map50_95<"), std::string::npos);
}

TEST(Report, ShowsADashForWhatWasNotMeasured) {
  Report report = example();
  for (ComparisonRun& run : report.comparison.runs) {
    run.metrics = {};
    run.curve = {};
  }
  for (ReportRun& run : report.runs) {
    run.main_metric = "";
    run.points = {};
  }

  const std::string page = report_html(report);

  EXPECT_NE(page.find("<th>metric</th>"), std::string::npos);
  EXPECT_NE(page.find("<td>-</td><td>-</td><td>-</td><td>31.0</td>"), std::string::npos);
  EXPECT_EQ(page.find(" over rounds"), std::string::npos);
  EXPECT_EQ(page.find("- %"), std::string::npos);
  EXPECT_EQ(comparison_svg(report.comparison).find("- %"), std::string::npos);
}

TEST(Report, LeavesOutSectionsWithoutData) {
  const std::string page = report_html({.title = "Empty",
                                        .subtitle = {},
                                        .comparison = {},
                                        .runs = {},
                                        .clients = {},
                                        .class_names = {}});

  EXPECT_EQ(page.find("<h2>"), std::string::npos);
  EXPECT_EQ(page.find("<svg"), std::string::npos);
  EXPECT_EQ(first_mismatch(page), "");
}

TEST(Report, SurvivesNumbersThatAreNotFinite) {
  Report report = example();
  for (ReportRun& run : report.runs) {
    run.points[3].metric = std::nan("");
    run.points[4].uplink_bytes = INFINITY;
    run.layers[0].stages[0].second = std::nan("");
    run.layers[1].stages[1].second = std::nan("");
    run.layers[2].stages = {};
    run.framed_per_client_round = std::nan("");
  }
  report.comparison.runs[0].metrics.set("top1", std::nan(""));
  report.comparison.runs[1].uplink_bytes_per_client_round = 0;

  const std::string page = report_html(report) + comparison_svg(report.comparison);

  // Every coordinate and size in it would be a quoted word.
  for (const char* word : {"\"nan", "\"-nan", "\"inf", "\"-\"", "\"-inf"}) {
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  }
}

TEST(LineChart, DrawsABandOnlyWhereSeedsDiffer) {
  LineChart chart{.label = "chart",
                  .x_label = "x",
                  .y_label = "y",
                  .x_text = &tick_bytes_text,
                  .y_text = &tick_percent_text,
                  .curves = {}};
  chart.curves.push_back(
      {.name = "one", .color = 1, .points = {{1, 0.5, 0.5, 0.5}, {2, 0.6, 0.6, 0.6}}});
  EXPECT_EQ(count(line_chart(chart), "class=\"band"), 0U);

  chart.curves.push_back(
      {.name = "two", .color = 2, .points = {{1, 0.5, 0.4, 0.6}, {2, 0.6, 0.5, 0.7}}});
  EXPECT_EQ(count(line_chart(chart), "class=\"band"), 1U);
  EXPECT_EQ(count(line_chart(chart), "class=\"curve"), 2U);
}

TEST(LineChart, LeavesOutZeroOnALogarithmicAxis) {
  LineChart chart{.label = "chart",
                  .x_label = "x",
                  .y_label = "y",
                  .x_scale = Scale::kLog,
                  .x_text = &tick_bytes_text,
                  .y_text = &tick_percent_text,
                  .curves = {}};
  chart.curves.push_back({.name = "one", .color = 1, .points = {{0, 0.5, 0.5, 0.5}}});
  EXPECT_EQ(line_chart(chart), "");

  chart.curves[0].points.push_back({1000, 0.5, 0.5, 0.5});
  EXPECT_EQ(count(line_chart(chart), "<circle"), 1U);
}

TEST(LayerBars, SumTheSmallestLayersWhenThereAreMany) {
  std::vector<LayerBytes> layers = example().runs[0].layers;

  const std::string picture = layer_bars("layers", layers, 1);

  EXPECT_NE(picture.find(">12 smaller layers<"), std::string::npos);
  EXPECT_NE(picture.find(">layer39.conv<"), std::string::npos);
  EXPECT_EQ(picture.find(">layer0.conv<"), std::string::npos);
  layers.resize(28);
  EXPECT_EQ(layer_bars("layers", layers, 1).find("smaller"), std::string::npos);
}

TEST(LayerBars, ShowTheFirstAndTheLastStageAndTellAll) {
  const std::string picture =
      layer_bars("layers", {{"conv", {{"raw", 4000}, {"pruned", 1000}, {"encoded", 300}}}}, 1);

  EXPECT_EQ(count(picture, "<rect"), 2U);
  EXPECT_EQ(count(picture, "<title>conv: raw 4.00 kB, pruned 1.00 kB, encoded 300 B</title>"), 2U);
  EXPECT_EQ(count(picture, ">300 B</text>"), 1U);
}

TEST(LayerBytes, OfALayerWithoutAStageCountThereWithWhatTheyWere) {
  const LayerBytes sum = sum_of({{"bias", {{"raw", 8}, {"encoded", 4}}},
                                 {"conv", {{"raw", 100}, {"pruned", 50}, {"encoded", 10}}}},
                                "all");

  const std::vector<std::pair<std::string, double>> expected = {
      {"raw", 108}, {"pruned", 58}, {"encoded", 14}};
  EXPECT_EQ(sum.layer, "all");
  EXPECT_EQ(sum.stages, expected);
}

TEST(ClassMap, SaysWhatItLeavesOut) {
  const std::vector<ClientClasses> clients(150, {"client", std::vector<std::int64_t>(120, 3)});

  EXPECT_NE(class_map(clients, {}).find("shown: 100 of 150 clients, 100 of 120 classes"),
            std::string::npos);
  EXPECT_EQ(class_map({{"client", {0, 0}}}, {"a", "b"}), "");
}

TEST(ComparisonPicture, IsAStandaloneFile) {
  const TemporaryFolder folder;
  write_comparison_svg(folder / "picture.svg", example().comparison);

  const Bytes bytes = read_file(folder / "picture.svg");
  const std::string picture(text_of(bytes));

  EXPECT_TRUE(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_NE(picture.find("130 kB, 344 times less"), std::string::npos);
  EXPECT_NE(picture.find("87.0 \u00b1 1.0 %"), std::string::npos);
  EXPECT_EQ(first_mismatch(picture), "");
  EXPECT_EQ(first_mismatch(comparison_svg({})), "");
}

TEST(Ticks, AreRoundAndCoverTheRange) {
  EXPECT_EQ(linear_ticks(0, 9, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear_ticks(3, 3, 5).size() >= 2, true);
  EXPECT_EQ(linear_ticks(0, 0, 5).size() >= 2, true);
  EXPECT_EQ(log_ticks(50, 20'000), (std::vector<double>{100, 1000, 10'000}));
  EXPECT_EQ(log_ticks(150, 900), (std::vector<double>{200, 500}));
}

TEST(Texts, AreWhatPeopleRead) {
  EXPECT_EQ(count_text(1'234'567), "1,234,567");
  EXPECT_EQ(count_text(-123), "-123");
  EXPECT_EQ(points_text(0.0123), "+1.2");
  EXPECT_EQ(points_text(-0.0001), "0.0");
  EXPECT_EQ(times_text(41.27), "41.3");
  EXPECT_EQ(times_text(343.8), "344");
  EXPECT_EQ(times_text(std::nan("")), "-");
  EXPECT_EQ(tick_bytes_text(1e6), "1 MB");
  EXPECT_EQ(tick_bytes_text(2.5e6), "2.5 MB");
  EXPECT_EQ(tick_bytes_text(0), "0 B");
  EXPECT_EQ(tick_percent_text(0.875), "87.5 %");
  EXPECT_EQ(shorten("\u00e4\u00f6\u00fc", 3), "\u00e4\u00f6\u00fc");
  EXPECT_EQ(shorten("\u00e4\u00f6\u00fcx", 3), "\u00e4\u00f6\u2026");
  EXPECT_EQ(escape("a\x01<b"), "a&lt;b");
}

}  // namespace
}  // namespace lorae::report
