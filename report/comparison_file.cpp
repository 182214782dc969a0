#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <type_traits>

#include "base/atomic_file.h"
#include "report/comparison.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;
using Curve = std::vector<EvaluatedRound>;

constexpr int kSchema = 2;
constexpr const char* kAccuracyMetric = "top1";
constexpr std::array<std::string_view, 3> kMayLack = {"curve", "by_round", "planned_rounds"};

/// Walks the fields of one run in the order of the file, for writing and for reading.
template <typename Run, typename Visit>
void visit_run(Run& run, Visit&& visit) {
  visit("name", run.name);
  visit("method", run.method);
  visit("seed", run.seed);
  visit("rounds", run.rounds);
  visit("planned_rounds", run.planned_rounds);
  visit("clients", run.clients);
  visit("cohort", run.cohort);
  visit("metrics", run.metrics);
  visit("trainable_parameters", run.trainable_parameters);
  visit("total_parameters", run.total_parameters);
  visit("uplink_bytes_per_client_round", run.uplink_bytes_per_client_round);
  visit("downlink_bytes_per_client_round", run.downlink_bytes_per_client_round);
  visit("control_bytes_per_client_round", run.control_bytes_per_client_round);
  visit("backbone_bytes_once", run.backbone_bytes_once);
  visit("seconds", run.seconds);
  visit("digest", run.digest);
  visit("curve", run.curve);
  visit("by_round", run.by_round);
}

template <typename Round, typename Visit>
void visit_round(Round& round, Visit&& visit) {
  visit("round", round.round.value);
  visit("metrics", round.metrics);
  visit("cohort", round.cohort);
  visit("updates", round.updates);
  visit("uplink_bytes", round.uplink_bytes);
  visit("downlink_bytes", round.downlink_bytes);
  visit("control_bytes", round.control_bytes);
  visit("seconds", round.seconds);
}

template <typename T>
void write_field(Json& object, const char* key, const T& field) {
  object[key] = field;
}

/// The names of an object have no order for most readers, so the main one is named besides.
void write_field(Json& object, const char* key, const Metrics& metrics) {
  object["main_metric"] = metrics.main_name();
  Json& values = object[key] = Json::object();
  for (const auto& [name, value] : metrics) {
    values[name] = value;
  }
  if (metrics.main_name() == kAccuracyMetric) {
    object["accuracy"] = values[kAccuracyMetric];
  }
}

void write_field(Json& object, const char* key, const Curve& curve) {
  Json& points = object[key] = Json::array();
  for (const EvaluatedRound& point : curve) {
    points.push_back(Json::array({point.round.value, point.metric, point.bytes}));
  }
}

void write_field(Json& object, const char* key, const std::vector<RoundRecord>& rounds) {
  Json& list = object[key] = Json::array();
  for (const RoundRecord& round : rounds) {
    Json& entry = list.emplace_back(Json::object());
    visit_round(round,
                [&](const char* name, const auto& field) { write_field(entry, name, field); });
  }
}

Json json_of(const Ratio& ratio) {
  Json json{{"name", ratio.name},
            {"seeds", ratio.seeds},
            {"uplink_ratio", ratio.uplink_ratio},
            {"downlink_ratio", ratio.downlink_ratio},
            {"total_ratio", ratio.total_ratio},
            {"metric_difference", ratio.metric_difference},
            {"metric_difference_se", ratio.metric_difference_se},
            {"bytes_to_target", nullptr}};
  if (const auto& reached = ratio.bytes_to_target) {
    json["bytes_to_target"] = {
        {"target", reached->target}, {"bytes", reached->bytes}, {"round", reached->round}};
  }
  if (ratio.main_metric == kAccuracyMetric) {
    json["accuracy_difference"] = ratio.metric_difference;
  }
  return json;
}

// Reading throws what read_comparison turns into its error, in our words and not in the library's.

const Json& member(const Json& object, const char* key) {
  if (!object.is_object()) {
    throw std::runtime_error(str("expected an object with '", key, "', got ", object.type_name()));
  }
  const auto found = object.find(key);
  if (found == object.end()) {
    throw std::runtime_error(str("'", key, "' is missing"));
  }
  return *found;
}

void expect(bool is_so, const char* key, const char* expected, const Json& got) {
  if (!is_so) {
    throw std::runtime_error(str(key, ": expected ", expected, ", got ", got.dump()));
  }
}

template <typename T>
T value_of(const Json& json, const char* key) {
  if constexpr (std::is_same_v<T, double>) {
    expect(json.is_null() || json.is_number(), key, "a number or null", json);
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
  } else if constexpr (std::is_integral_v<T>) {
    expect(std::is_unsigned_v<T> ? json.is_number_unsigned() : json.is_number_integer(), key,
           "an integer", json);
    return json.get<T>();
  } else {
    static_assert(std::is_same_v<T, std::string>);
    expect(json.is_string(), key, "text", json);
    return json.get<T>();
  }
}

template <typename T>
void read_field(const Json& object, const char* key, T& field) {
  field = value_of<T>(member(object, key), key);
}

void read_field(const Json& object, const char* key, Metrics& metrics) {
  const Json& values = member(object, key);
  expect(values.is_object(), key, "an object", values);
  const auto main = value_of<std::string>(member(object, "main_metric"), "main_metric");
  if (values.empty() ? !main.empty() : !values.contains(main)) {
    throw std::runtime_error(str("main_metric: expected one of metrics, got '", main, "'"));
  }
  if (!values.empty()) {
    metrics.set(main, value_of<double>(values.at(main), main.c_str()));
  }
  for (const auto& [name, value] : values.items()) {
    metrics.set(name, value_of<double>(value, name.c_str()));
  }
}

void read_field(const Json& object, const char* key, Curve& curve) {
  for (const Json& point : member(object, key)) {
    expect(point.is_array() && point.size() == 3, key, "[round, metric, bytes]", point);
    curve.push_back({RoundId{value_of<std::uint64_t>(point[0], key)},
                     value_of<double>(point[1], key), value_of<double>(point[2], key)});
  }
}

void read_field(const Json& object, const char* key, std::vector<RoundRecord>& rounds) {
  for (const Json& entry : member(object, key)) {
    visit_round(rounds.emplace_back(),
                [&](const char* name, auto& field) { read_field(entry, name, field); });
  }
}

void check_schema(const Json& json) {
  int schema = 0;
  read_field(json, "schema", schema);
  check(schema == kSchema, ErrorCode::kIncompatible, "expected schema ", kSchema, ", got ", schema,
        schema < kSchema ? "; write it again with `lorae report DIR`"
                         : "; it was written by a later LoRAE");
}

Comparison parse(const Bytes& bytes) {
  const Json json = [&] {
    try {
      return Json::parse(text_of(bytes));
    } catch (const Json::parse_error& error) {
      throw std::runtime_error(str("it is no JSON, from its byte ", error.byte, " on"));
    }
  }();
  check_schema(json);
  Comparison comparison;
  read_field(json, "baseline", comparison.baseline);
  if (json.contains("target") && !member(json, "target").is_null()) {
    read_field(json, "target", comparison.target.emplace());
  }
  const Json& runs = member(json, "runs");
  expect(runs.is_array(), "runs", "a list", runs);
  for (const Json& object : runs) {
    visit_run(comparison.runs.emplace_back(), [&](const char* key, auto& field) {
      if (std::ranges::find(kMayLack, key) == kMayLack.end() || object.contains(key)) {
        read_field(object, key, field);
      }
    });
  }
  return comparison;
}

}  // namespace

std::string to_json(const Comparison& comparison) {
  Json json;
  json["schema"] = kSchema;
  json["baseline"] = comparison.baseline;
  if (comparison.target) {
    json["target"] = *comparison.target;
  }
  json["runs"] = Json::array();
  for (const ComparisonRun& run : comparison.runs) {
    Json& object = json["runs"].emplace_back(Json::object());
    visit_run(run, [&](const char* key, const auto& field) { write_field(object, key, field); });
  }
  json["ratios"] = Json::array();
  for (const Ratio& ratio : ratios(comparison)) {
    json["ratios"].push_back(json_of(ratio));
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void write_comparison(const std::filesystem::path& path, const Comparison& comparison) {
  write_file_atomic(path, to_json(comparison));
}

Result<Comparison> read_comparison(const std::filesystem::path& path) {
  Bytes bytes;
  try {
    bytes = read_file(path);
  } catch (const Error& error) {
    return error;
  }
  const std::string what = str("[comparison] '", path.string(), "': ");
  try {
    return parse(bytes);
  } catch (const Error& error) {
    return Error(error.code(), what + error.what());
  } catch (const std::exception& error) {
    return Error(ErrorCode::kCorruptData, what + error.what());
  }
}

}  // namespace lorae::report
