#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "tests/report/example_runs.h"

namespace lorae::report {
namespace {

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) {
    widest = std::max(widest, line.size());
  }
  return widest;
}

TEST(ComparisonTable, ShowsOneAlignedRowPerName) {
  EXPECT_EQ("\n" + comparison_table(example()), R"(
lorae-8 against full: bytes per round, top1

method            trainable         uplink       downlink  total ratio       top1 %       points  to target  seconds
-------  ------------------  -------------  -------------  -----------  -----------  -----------  ---------  -------
full     11,173,962 (100 %)        4.00 kB        8.00 kB          1.0  88.8 +- 1.3                  480 kB     12.2
lorae-8     123,456 (1.1 %)  150 B (30.0x)  300 B (30.0x)         30.0  88.0 +- 1.0  -0.8 +- 0.3    18.0 kB     12.2

uplink, downlink: mean bytes per client and round (times less than 'full'); total ratio: both ways
top1: mean over the seeds +- half the distance of the lowest and the highest
points: percent points against 'full' +- standard error of the mean over the seeds
to target: bytes of all clients, both ways, until top1 reached 84.3 %, 95 % of 'full'
)");
}

TEST(ComparisonTable, FitsATerminalOfEightyColumns) {
  EXPECT_EQ("\n" + comparison_table(example(), 80), R"(
lorae-8 against full: bytes per round, top1

method            trainable         uplink       downlink  total ratio
-------  ------------------  -------------  -------------  -----------
full     11,173,962 (100 %)        4.00 kB        8.00 kB          1.0
lorae-8     123,456 (1.1 %)  150 B (30.0x)  300 B (30.0x)         30.0

method        top1 %       points  to target  seconds
-------  -----------  -----------  ---------  -------
full     88.8 +- 1.3                  480 kB     12.2
lorae-8  88.0 +- 1.0  -0.8 +- 0.3    18.0 kB     12.2

uplink, downlink: mean bytes per client and round (times less than 'full');
  total ratio: both ways
top1: mean over the seeds +- half the distance of the lowest and the highest
points: percent points against 'full' +- standard error of the mean over the
  seeds
to target: bytes of all clients, both ways, until top1 reached 84.3 %, 95 % of
  'full'
)");
  for (const std::size_t columns : {40U, 60U, 100U}) {
    EXPECT_LE(widest_line(comparison_table(example(), columns)), columns);
  }
}

TEST(ComparisonTable, LeavesOutWhatIsUnknown) {
  Comparison comparison = comparison_of({run_of("lorae-8", 1, std::nan(""), 100)});
  comparison.runs[0].total_parameters = 0;

  const std::string table = comparison_table(comparison);

  EXPECT_NE(table.find("lorae-8    123,456   100 B     200 B            -       -       -"),
            std::string::npos)
      << table;
  EXPECT_EQ(table.find("nan"), std::string::npos);
  EXPECT_EQ(table.find("inf"), std::string::npos);
}

TEST(ComparisonTable, ShowsNothingWhereNothingWasMeasured) {
  Comparison comparison = example();
  comparison.runs[2].metrics = comparison.runs[3].metrics = {};

  std::string table = comparison_table(comparison);
  EXPECT_NE(table.find("top1 %"), std::string::npos) << table;
  EXPECT_NE(table.find("  -       -"), std::string::npos) << table;

  comparison.runs[0].metrics = comparison.runs[1].metrics = {};
  table = comparison_table(comparison);
  EXPECT_EQ(table.find("top1"), std::string::npos) << table;
  EXPECT_EQ(table.find(" 0.0  "), std::string::npos) << table;
}

TEST(ComparisonTable, IsNamedByTheMainMetric) {
  const std::string table =
      comparison_table(comparison_of({run_of("full", 1, Metrics{{"map50_95", 0.412}}, 4000),
                                      run_of("lorae-8", 1, Metrics{{"map50_95", 0.405}}, 100)}));

  EXPECT_NE(table.find("  map50_95 %  points  "), std::string::npos) << table;
  EXPECT_NE(table.find("  40.5    -0.7  "), std::string::npos) << table;
  EXPECT_EQ(table.find("top1"), std::string::npos);
  EXPECT_EQ(table.find("accuracy"), std::string::npos);
}

TEST(ComparisonTable, NamesEachOfTwoMainMetrics) {
  const std::string table = comparison_table(comparison_of(
      {run_of("full", 1, 0.875, 4000), run_of("lorae-8", 1, Metrics{{"map50_95", 0.405}}, 100)}));

  EXPECT_NE(table.find("  main metric  "), std::string::npos) << table;
  EXPECT_NE(table.find("  top1 87.5 %  "), std::string::npos) << table;
  EXPECT_NE(table.find("  map50_95 40.5 %       -  "), std::string::npos) << table;
}

TEST(ComparisonTable, FitsATerminal) {
  Comparison comparison;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const double shift = 0.01 * static_cast<double>(seed);
    comparison.runs.push_back(run_of("full", seed, Metrics{{"map50_95", 0.4 + shift}}, 44.7e6));
    comparison.runs.push_back(
        run_of("lorae-8 int4", seed, Metrics{{"map50_95", 0.39 + 2 * shift}}, 130e3));
  }

  EXPECT_LE(widest_line(comparison_table(comparison)), 120U) << comparison_table(comparison);
}

}  // namespace
}  // namespace lorae::report
