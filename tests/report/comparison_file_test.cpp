#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "tests/base/temporary_folder.h"
#include "tests/report/example_runs.h"

namespace lorae::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Keys = std::set<std::string>;

const Keys kRunKeys = {"name",
                       "method",
                       "seed",
                       "rounds",
                       "planned_rounds",
                       "clients",
                       "cohort",
                       "main_metric",
                       "metrics",
                       "trainable_parameters",
                       "total_parameters",
                       "uplink_bytes_per_client_round",
                       "downlink_bytes_per_client_round",
                       "control_bytes_per_client_round",
                       "backbone_bytes_once",
                       "seconds",
                       "digest",
                       "curve",
                       "by_round"};
const Keys kMayLack = {"curve", "by_round", "planned_rounds"};
const Keys kRatioKeys = {"name",
                         "seeds",
                         "uplink_ratio",
                         "downlink_ratio",
                         "total_ratio",
                         "metric_difference",
                         "metric_difference_se",
                         "bytes_to_target"};

Keys keys_of(const Json& object) {
  Keys found;
  for (const auto& item : object.items()) {
    found.insert(item.key());
  }
  return found;
}

Keys with(Keys keys, const std::string& key) {
  keys.insert(key);
  return keys;
}

TEST(ComparisonFile, HasExactlyTheKeysThatOthersRead) {
  Comparison comparison = example();
  for (ComparisonRun& run : comparison.runs) {
    run.metrics = {{"map50_95", 0.5}, {"top1", 0.5}};
  }

  const Json json = Json::parse(to_json(comparison));

  EXPECT_EQ(keys_of(json), (Keys{"schema", "baseline", "runs", "ratios"}));
  EXPECT_EQ(json["schema"], 2);
  EXPECT_EQ(json["runs"].size(), 4U);
  for (const Json& run : json["runs"]) {
    EXPECT_EQ(keys_of(run), kRunKeys);
    EXPECT_EQ(run["main_metric"], "map50_95");
    EXPECT_EQ(keys_of(run["metrics"]), (Keys{"map50_95", "top1"}));
  }
  ASSERT_EQ(json["ratios"].size(), 1U);
  EXPECT_EQ(keys_of(json["ratios"][0]), kRatioKeys);
  EXPECT_EQ(keys_of(json["ratios"][0]["bytes_to_target"]), (Keys{"target", "bytes", "round"}));
  comparison.target = 0.25;
  EXPECT_EQ(keys_of(Json::parse(to_json(comparison))),
            (Keys{"schema", "baseline", "target", "runs", "ratios"}));
}

TEST(ComparisonFile, NamesTop1AccuracyToo) {
  const Json json = Json::parse(to_json(example()));

  EXPECT_EQ(keys_of(json["runs"][0]), with(kRunKeys, "accuracy"));
  EXPECT_EQ(json["runs"][0]["accuracy"], 0.875);
  EXPECT_EQ(keys_of(json["ratios"][0]), with(kRatioKeys, "accuracy_difference"));
  EXPECT_EQ(json["ratios"][0]["accuracy_difference"], json["ratios"][0]["metric_difference"]);
}

TEST(ComparisonFile, HasTheCurveAsTriples) {
  const Json json = Json::parse(to_json(example()));

  EXPECT_EQ(json["runs"][2]["curve"],
            Json::parse("[[1,0.2175,3000.0],[2,0.435,6000.0],[3,0.6525,9000.0],[4,0.87,12000.0]]"));
}

TEST(ComparisonFile, HasEveryRoundWithItsMetricsAndBytes) {
  Comparison comparison = example();
  comparison.runs[0].by_round = {{.round = RoundId{7},
                                  .metrics = {{"map50", 0.5}, {"loss", 2}},
                                  .cohort = 10,
                                  .updates = 9,
                                  .uplink_bytes = 100,
                                  .downlink_bytes = 200,
                                  .control_bytes = 3,
                                  .seconds = 1.5}};

  const Json round = Json::parse(to_json(comparison))["runs"][0]["by_round"][0];

  EXPECT_EQ(round, Json::parse(R"({"round": 7, "main_metric": "map50",
      "metrics": {"map50": 0.5, "loss": 2.0}, "cohort": 10, "updates": 9, "uplink_bytes": 100.0,
      "downlink_bytes": 200.0, "control_bytes": 3.0, "seconds": 1.5})"));
}

TEST(ComparisonFile, LeavesOutWhatWasNotMeasured) {
  Comparison comparison = example();
  for (ComparisonRun& run : comparison.runs) {
    run.metrics = {};
    run.curve = {};
  }

  const Json json = Json::parse(to_json(comparison));

  EXPECT_EQ(keys_of(json["runs"][0]), kRunKeys);
  EXPECT_EQ(json["runs"][0]["main_metric"], "");
  EXPECT_EQ(json["runs"][0]["metrics"], Json::object());
  EXPECT_EQ(keys_of(json["ratios"][0]), kRatioKeys);
  EXPECT_TRUE(json["ratios"][0]["metric_difference"].is_null());
  EXPECT_TRUE(json["ratios"][0]["bytes_to_target"].is_null());
}

TEST(ComparisonFile, ComesBackAsItWas) {
  const TemporaryFolder folder;
  Comparison comparison = example();
  comparison.runs[0].name = "full \"quoted\" \xE2\x80\xA6";
  comparison.runs[1].seed = std::numeric_limits<std::uint64_t>::max();
  comparison.runs[2].seconds = std::nan("");
  comparison.runs[2].metrics.set("loss/box", std::nan(""));
  comparison.runs[3].metrics = {};
  comparison.runs[3].curve = {};
  comparison.runs[3].planned_rounds = 20;
  comparison.runs[3].by_round = {{.round = RoundId{1}, .metrics = {{"top1", 0.5}}, .updates = 3},
                                 {.round = RoundId{2}, .metrics = {}}};
  comparison.target = 0.75;
  write_comparison(folder / "comparison.json", comparison);

  const Result<Comparison> read = read_comparison(folder / "comparison.json");

  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_EQ(to_json(*read), to_json(comparison));
  EXPECT_EQ(read->runs[1].seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(std::isnan(read->runs[2].seconds));
  EXPECT_EQ(read->runs[0].metrics, comparison.runs[0].metrics);
  EXPECT_TRUE(read->runs[3].metrics.empty());
  EXPECT_EQ(read->runs[0].curve.at(2).round, RoundId{3});
  EXPECT_EQ(read->runs[0].curve.at(2).bytes, comparison.runs[0].curve[2].bytes);
  EXPECT_EQ(read->runs[3].by_round, comparison.runs[3].by_round);
  EXPECT_EQ(read->target, 0.75);
}

TEST(ComparisonFile, KeepsTheMainMetricFirstWhateverTheOrder) {
  const TemporaryFolder folder;
  Json json = Json::parse(to_json(example()));
  json["runs"][0]["metrics"] = {{"loss", 0.5}, {"map50", 0.4}, {"top1", 0.9}};
  write_file_atomic(folder / "c.json", json.dump());

  const Result<Comparison> read = read_comparison(folder / "c.json");

  EXPECT_EQ(read.value().runs[0].metrics.main_name(), "top1");
  EXPECT_EQ(read.value().runs[0].metrics.find("map50"), 0.4);
}

TEST(ComparisonFile, NeedsNoCurveAndNoKeyThatFollowsFromOthers) {
  const TemporaryFolder folder;
  Json json = Json::parse(to_json(example()));
  json.erase("ratios");
  json["later"] = "unknown";
  for (const std::string& key : kMayLack) {
    json["runs"][0].erase(key);
  }
  json["runs"][0].erase("accuracy");
  json["runs"][1]["curve"] = Json::array();
  write_file_atomic(folder / "c.json", json.dump());

  const Result<Comparison> read = read_comparison(folder / "c.json");

  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_TRUE(read->runs[0].curve.empty());
  EXPECT_EQ(read->runs[0].metrics.find("top1"), 0.875);
}

TEST(ComparisonFile, OfSchema1SaysHowToWriteItAgain) {
  const TemporaryFolder folder;
  const fs::path path = folder / "c.json";
  write_file_atomic(path, "{\"schema\": 1, \"baseline\": \"full\", \"runs\": []}");

  const Result<Comparison> read = read_comparison(path);

  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kIncompatible);
  EXPECT_EQ(std::string(read.error().what()),
            "[comparison] '" + path.string() +
                "': expected schema 2, got 1; write it again with `lorae report DIR`");
}

TEST(ComparisonFile, IsAnErrorNotACrashAtEveryTruncation) {
  const TemporaryFolder folder;
  const std::string text = to_json(example());

  for (std::size_t size = 0; size + 2 < text.size(); size += 13) {
    write_file_atomic(folder / "c.json", std::string_view(text).substr(0, size));
    const Result<Comparison> read = read_comparison(folder / "c.json");
    ASSERT_FALSE(read.ok()) << "at " << size;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorruptData);
  }
}

TEST(ComparisonFile, IsRefusedForAnotherSchemaMissingKeysAndWrongTypes) {
  const TemporaryFolder folder;
  const auto code_after = [&](const auto& change) {
    Json json = Json::parse(to_json(example()));
    change(json);
    write_file_atomic(folder / "c.json", json.dump());
    const Result<Comparison> read = read_comparison(folder / "c.json");
    EXPECT_FALSE(read.ok());
    return read.error().code();
  };

  EXPECT_EQ(code_after([](auto& json) { json["schema"] = 3; }), ErrorCode::kIncompatible);
  EXPECT_EQ(code_after([](auto& json) { json.erase("runs"); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"] = 3; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"] = nullptr; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1].erase("seed"); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1]["rounds"] = 1.5; }),
            ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1]["seed"] = -1; }), ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1]["metrics"] = 1; }),
            ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1]["main_metric"] = "map50"; }),
            ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) {
              json["runs"][1]["curve"] = {{1, 0.5}};
            }),
            ErrorCode::kCorruptData);
  EXPECT_EQ(code_after([](auto& json) { json["runs"][1]["curve"][0][0] = "one"; }),
            ErrorCode::kCorruptData);
  for (const std::string& key : kRunKeys) {
    if (!kMayLack.contains(key)) {
      EXPECT_EQ(code_after([&](auto& json) { json["runs"][1].erase(key); }),
                ErrorCode::kCorruptData)
          << key;
    }
  }
  EXPECT_EQ(read_comparison(folder / "missing.json").error().code(), ErrorCode::kInvalidConfig);
}

TEST(ComparisonFile, IsRefusedInOurWords) {
  const TemporaryFolder folder;
  const auto said = [&](const std::string& text) {
    write_file_atomic(folder / "comparison.json", text);
    return std::string(read_comparison(folder / "comparison.json").error().what());
  };
  const auto changed = [&](const auto& change) {
    Json json = Json::parse(to_json(example()));
    change(json);
    return said(json.dump());
  };
  const std::string what = str("[comparison] '", (folder / "comparison.json").string(), "': ");
  EXPECT_EQ(said("{"), what + "it is no JSON, from its byte 2 on");
  EXPECT_EQ(said("3"), what + "expected an object with 'schema', got number");
  EXPECT_EQ(changed([](Json& json) { json.erase("runs"); }), what + "'runs' is missing");
  EXPECT_EQ(changed([](Json& json) { json["runs"][0]["name"] = 7; }),
            what + "name: expected text, got 7");
  EXPECT_EQ(changed([](Json& json) { json["runs"][0]["seconds"] = "fast"; }),
            what + "seconds: expected a number or null, got \"fast\"");
  EXPECT_EQ(changed([](Json& json) {
              json["runs"][0]["curve"] = {{1, 2}};
            }),
            what + "curve: expected [round, metric, bytes], got [1,2]");
}

}  // namespace
}  // namespace lorae::report
