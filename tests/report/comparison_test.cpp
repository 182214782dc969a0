#include "report/comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "tests/base/temporary_folder.h"

namespace lorae::report {
namespace {

ComparisonRun run_of(const std::string& name, std::uint64_t seed, double accuracy, double uplink) {
  return {.name = name,
          .method = name == "full" ? "full" : "lorae",
          .seed = seed,
          .rounds = 20,
          .clients = 100,
          .cohort = 10,
          .accuracy = accuracy,
          .trainable_parameters = name == "full" ? 11'173'962 : 123'456,
          .total_parameters = 11'173'962,
          .uplink_bytes_per_client_round = uplink,
          .downlink_bytes_per_client_round = uplink * 2,
          .backbone_bytes_once = 44'700'000,
          .seconds = 12.25,
          .digest = "ab12"};
}

Comparison example() {
  return {.baseline = "full",
          .runs = {run_of("full", 1, 0.875, 4000), run_of("full", 2, 0.900, 4000),
                   run_of("lorae-8", 1, 0.870, 100), run_of("lorae-8", 2, 0.890, 200)}};
}

TEST(Ratios, AreMeansOverTheSharedSeeds) {
  Comparison comparison = example();
  comparison.runs.push_back(run_of("lorae-8", 3, 0.1, 1));  // the baseline lacks this seed

  const std::vector<Ratio> result = ratios(comparison);

  ASSERT_EQ(result.size(), 1U);
  EXPECT_EQ(result[0].name, "lorae-8");
  EXPECT_DOUBLE_EQ(result[0].uplink_ratio, (40.0 + 20.0) / 2);
  EXPECT_DOUBLE_EQ(result[0].downlink_ratio, 30.0);
  EXPECT_NEAR(result[0].accuracy_difference, -0.0075, 1e-12);
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
  const Comparison comparison{.runs = {run_of("full", 1, 0.9, 10), run_of("local", 1, 0.5, 0)}};

  ASSERT_EQ(ratios(comparison).size(), 1U);
  EXPECT_TRUE(std::isnan(ratios(comparison)[0].uplink_ratio));
  EXPECT_NE(to_json(comparison).find("\"uplink_ratio\": null"), std::string::npos);
}

TEST(ComparisonFile, HasExactlyTheKeysThatOthersRead) {
  const auto json = nlohmann::ordered_json::parse(to_json(example()));

  const auto keys = [](const nlohmann::ordered_json& object) {
    std::vector<std::string> found;
    for (const auto& item : object.items()) {
      found.push_back(item.key());
    }
    return found;
  };
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys(json), (Keys{"schema", "baseline", "runs", "ratios"}));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["runs"].size(), 4U);
  EXPECT_EQ(keys(json["runs"][0]),
            (Keys{"name", "method", "seed", "rounds", "clients", "cohort", "accuracy",
                  "trainable_parameters", "total_parameters", "uplink_bytes_per_client_round",
                  "downlink_bytes_per_client_round", "backbone_bytes_once", "seconds", "digest"}));
  EXPECT_EQ(keys(json["ratios"][0]),
            (Keys{"name", "uplink_ratio", "downlink_ratio", "accuracy_difference"}));
}

TEST(ComparisonFile, ComesBackAsItWas) {
  const TemporaryFolder folder;
  Comparison comparison = example();
  comparison.runs[0].name = "full \"quoted\" \xE2\x80\xA6";
  comparison.runs[1].seed = std::numeric_limits<std::uint64_t>::max();
  comparison.runs[2].seconds = std::nan("");
  write_comparison(folder / "comparison.json", comparison);

  const Result<Comparison> read = read_comparison(folder / "comparison.json");

  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_EQ(to_json(*read), to_json(comparison));
  EXPECT_EQ(read->runs[1].seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(std::isnan(read->runs[2].seconds));
}

TEST(ComparisonFile, IsAnErrorNotACrashAtEveryTruncation) {
  const TemporaryFolder folder;
  const std::string text = to_json(example());

  for (std::size_t size = 0; size + 2 < text.size(); size += 7) {
    write_file_atomic(folder / "c.json", std::string_view(text).substr(0, size));
    const Result<Comparison> read = read_comparison(folder / "c.json");
    ASSERT_FALSE(read.ok()) << "at " << size;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorruptData);
  }
}

TEST(ComparisonFile, IsRefusedForAnotherSchemaMissingKeysAndWrongTypes) {
  const TemporaryFolder folder;
  const auto code_after = [&](const auto& change) {
    auto json = nlohmann::ordered_json::parse(to_json(example()));
    change(json);
    write_file_atomic(folder / "c.json", json.dump());
    const Result<Comparison> read = read_comparison(folder / "c.json");
    EXPECT_FALSE(read.ok());
    return read.error().code();
  };

  EXPECT_EQ(code_after([](auto& json) { json["schema"] = 2; }), ErrorCode::kIncompatible);
  EXPECT_EQ(code_after([](auto& json) { json.erase("runs"); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"] = 3; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"] = nullptr; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1].erase("seed"); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1]["rounds"] = 1.5; }),
            ErrorCode::kCorruptData);
  EXPECT_EQ(read_comparison(folder / "missing.json").error().code(), ErrorCode::kInvalidConfig);
}

TEST(ComparisonTable, ShowsOneAlignedRowPerName) {
  EXPECT_EQ(
      comparison_table(example()),
      "LoRAE versus full-parameter federated training: bytes per round, accuracy\n"
      "\n"
      "method   trainable parameters   uplink  times less  downlink   accuracy %  points  seconds\n"
      "-------  --------------------  -------  ----------  --------  -----------  ------  -------\n"
      "full     11,173,962 (100.0 %)  4.00 kB         1.0   8.00 kB  88.8 +- 1.3             12.2\n"
      "lorae-8       123,456 (1.1 %)    150 B        30.0     300 B  88.0 +- 1.0    -0.8     12.2\n"
      "\n"
      "uplink, downlink: mean bytes per client and round\n"
      "times less, points: against 'full'\n"
      "accuracy: mean over the seeds +- half the distance of the lowest and the highest\n");
}

TEST(ComparisonTable, LeavesOutWhatIsUnknown) {
  Comparison comparison{.baseline = "none", .runs = {run_of("lorae-8", 1, std::nan(""), 100)}};
  comparison.runs[0].total_parameters = 0;

  const std::string table = comparison_table(comparison);

  EXPECT_NE(table.find("lorae-8         123,456 (- %)"), std::string::npos) << table;
  EXPECT_EQ(table.find("nan"), std::string::npos);
  EXPECT_EQ(table.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace lorae::report
