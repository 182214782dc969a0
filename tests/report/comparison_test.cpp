#include "report/comparison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/report/example_runs.h"

namespace lorae::report {
namespace {

/// Of the only name but the baseline.
Ratio ratio_of(const Comparison& comparison) {
  const std::vector<Ratio> all = ratios(comparison);
  EXPECT_EQ(all.size(), 1U);
  return all.at(0);
}

TEST(Ratios, AreMeansOverTheSharedSeeds) {
  Comparison comparison = example();
  comparison.runs.push_back(run_of("lorae-8", 3, 0.1, 1));  // the baseline lacks this seed

  const Ratio ratio = ratio_of(comparison);

  EXPECT_EQ(ratio.name, "lorae-8");
  EXPECT_EQ(ratio.seeds, 2);
  EXPECT_DOUBLE_EQ(ratio.uplink_ratio, (40.0 + 20.0) / 2);
  EXPECT_DOUBLE_EQ(ratio.downlink_ratio, 30.0);
  EXPECT_NEAR(ratio.metric_difference, -0.0075, 1e-12);
}

TEST(Ratios, TotalIsOfBothDirectionsTogether) {
  Comparison comparison =
      comparison_of({run_of("full", 1, 0.9, 1000), run_of("lorae-8", 1, 0.9, 10)});
  comparison.runs[1].downlink_bytes_per_client_round = 1490;

  EXPECT_DOUBLE_EQ(ratio_of(comparison).total_ratio, 3000.0 / 1500.0);
}

TEST(Ratios, StandardErrorIsOfTheMeanOverTheSeeds) {
  Comparison comparison;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    comparison.runs.push_back(run_of("full", seed, 0.5, 10));
    comparison.runs.push_back(run_of("lorae-8", seed, 0.5 + 0.01 * (seed < 2 ? 1 : 3), 1));
  }

  const Ratio ratio = ratio_of(comparison);

  // Differences 1, 1, 3, 3 points: deviations of 1 from 2, so sqrt(4 / 3) / sqrt(4).
  EXPECT_NEAR(ratio.metric_difference, 0.02, 1e-12);
  EXPECT_NEAR(ratio.metric_difference_se, 0.01 * std::sqrt(4.0 / 3.0) / 2, 1e-12);
}

TEST(Ratios, OneSeedHasNoStandardError) {
  const Comparison comparison =
      comparison_of({run_of("full", 1, 0.9, 10), run_of("lorae-8", 1, 0.8, 1)});

  EXPECT_TRUE(std::isnan(ratio_of(comparison).metric_difference_se));
  EXPECT_NE(to_json(comparison).find("\"metric_difference_se\": null"), std::string::npos);
}

TEST(Ratios, SeedsThatWereNotMeasuredCountForBytesOnly) {
  Comparison comparison = example();
  comparison.runs[3].metrics = {};

  const Ratio ratio = ratio_of(comparison);

  EXPECT_EQ(ratio.seeds, 2);
  EXPECT_DOUBLE_EQ(ratio.uplink_ratio, 30.0);
  EXPECT_NEAR(ratio.metric_difference, -0.005, 1e-12);
  EXPECT_TRUE(std::isnan(ratio.metric_difference_se));
}

TEST(Ratios, DoNotCompareTwoMetrics) {
  const Comparison comparison =
      comparison_of({run_of("full", 1, Metrics{{"top1", 0.9}, {"map50_95", 0.3}}, 10),
                     run_of("lorae-8", 1, Metrics{{"map50_95", 0.4}}, 1)});

  const Ratio ratio = ratio_of(comparison);

  EXPECT_DOUBLE_EQ(ratio.uplink_ratio, 10);
  EXPECT_EQ(ratio.main_metric, "");
  EXPECT_TRUE(std::isnan(ratio.metric_difference));
  EXPECT_FALSE(ratio.bytes_to_target.has_value());
}

TEST(Ratios, NeedTheBaseline) {
  Comparison comparison = example();
  comparison.baseline = "none";
  EXPECT_TRUE(ratios(comparison).empty());

  comparison = example();
  comparison.runs.push_back(run_of("other", 9, 0.5, 10));
  EXPECT_EQ(ratios(comparison).size(), 1U);
}

TEST(Ratios, AreUndefinedForARunThatSendsNothing) {
  const Comparison comparison =
      comparison_of({run_of("full", 1, 0.9, 10), run_of("local", 1, 0.5, 0)});

  EXPECT_TRUE(std::isnan(ratio_of(comparison).uplink_ratio));
  EXPECT_NE(to_json(comparison).find("\"uplink_ratio\": null"), std::string::npos);
}

TEST(BytesToTarget, AreThoseOfTheFirstRoundThatReachesIt) {
  Comparison comparison =
      comparison_of({run_of("full", 1, 0.8, 1000), run_of("lorae-8", 1, 0.8, 10)});
  comparison.runs[1].curve = {{RoundId{2}, 0.75, 600},
                              {RoundId{4}, 0.77, 1200},
                              {RoundId{6}, 0.70, 1800},
                              {RoundId{8}, 0.79, 2400}};

  const Ratio ratio = ratio_of(comparison);

  ASSERT_TRUE(ratio.bytes_to_target.has_value());
  EXPECT_DOUBLE_EQ(ratio.bytes_to_target->target, 0.95 * 0.8);
  EXPECT_EQ(ratio.bytes_to_target->bytes, 1200);
  EXPECT_EQ(ratio.bytes_to_target->round, 4);
}

TEST(BytesToTarget, AreReachedByEquality) {
  Comparison comparison = example();
  comparison.target = 0.25;
  for (ComparisonRun& run : comparison.runs) {
    run.curve = {{RoundId{1}, 0.125, 10}, {RoundId{2}, 0.25, 20}, {RoundId{3}, 0.5, 30}};
  }

  EXPECT_EQ(ratio_of(comparison).bytes_to_target.value().bytes, 20);
}

TEST(BytesToTarget, AreMeansOverTheSeedsIfAllReachIt) {
  Comparison comparison = example();  // target: 95 % of the mean of 0.875 and 0.9
  EXPECT_DOUBLE_EQ(target_of(comparison).value().value, 0.95 * 0.8875);
  comparison.runs[2].curve = {{RoundId{1}, 0.8, 100}, {RoundId{2}, 0.85, 200}};
  comparison.runs[3].curve = {
      {RoundId{1}, 0.8, 110}, {RoundId{2}, 0.82, 220}, {RoundId{3}, 0.85, 330}};

  const Ratio ratio = ratio_of(comparison);

  EXPECT_EQ(ratio.bytes_to_target.value().bytes, (200 + 330) / 2.0);
  EXPECT_EQ(ratio.bytes_to_target.value().round, 2.5);
  comparison.runs[3].curve.pop_back();
  EXPECT_FALSE(ratio_of(comparison).bytes_to_target.has_value());
  comparison.runs[3].curve.clear();
  EXPECT_FALSE(ratio_of(comparison).bytes_to_target.has_value());
}

TEST(BytesToTarget, AreOfTheBaselineToo) {
  const ComparisonSummary full = summaries(example()).at(0);

  ASSERT_TRUE(full.is_baseline);
  EXPECT_EQ(full.ratio.bytes_to_target.value().round, 4);
  EXPECT_EQ(full.ratio.bytes_to_target.value().bytes, 10 * 3 * 4000 * 4);
}

TEST(BytesToTarget, ATargetOfItsOwnNeedsNoBaseline) {
  Comparison comparison = example();
  comparison.baseline = "none";
  EXPECT_FALSE(target_of(comparison).has_value());

  comparison.target = 0.4;

  EXPECT_EQ(target_of(comparison).value().metric, "top1");
  EXPECT_EQ(summaries(comparison).at(1).ratio.bytes_to_target.value().round, 2);
}

}  // namespace
}  // namespace lorae::report
