#include "report/comparison.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "base/atomic_file.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// Walks the fields of one run in the order of the file, for writing and for reading.
template <typename Run, typename Visit>
void visit_run(Run& run, Visit&& visit) {
  visit("name", run.name);
  visit("method", run.method);
  visit("seed", run.seed);
  visit("rounds", run.rounds);
  visit("clients", run.clients);
  visit("cohort", run.cohort);
  visit("accuracy", run.accuracy);
  visit("trainable_parameters", run.trainable_parameters);
  visit("total_parameters", run.total_parameters);
  visit("uplink_bytes_per_client_round", run.uplink_bytes_per_client_round);
  visit("downlink_bytes_per_client_round", run.downlink_bytes_per_client_round);
  visit("backbone_bytes_once", run.backbone_bytes_once);
  visit("seconds", run.seconds);
  visit("digest", run.digest);
}

template <typename T>
void read_field(const Json& object, const char* key, T& field) {
  const Json& value = object.at(key);  // throws, naming the key
  if constexpr (std::is_same_v<T, double>) {
    field = value.is_null() ? kUndefined : value.get<double>();
  } else if constexpr (std::is_integral_v<T>) {
    if (!value.is_number_integer()) {
      throw std::runtime_error(str(key, ": expected an integer, got ", value.dump()));
    }
    field = value.get<T>();
  } else {
    field = value.get<T>();
  }
}

double per_run(double baseline_bytes, double bytes) {
  return bytes > 0 ? baseline_bytes / bytes : kUndefined;
}

struct Sum {
  double value = 0;
  std::int64_t count = 0;

  void add(double term) {
    value += term;
    ++count;
  }
  double mean() const { return count == 0 ? kUndefined : value / static_cast<double>(count); }
};

/// The run names in order of appearance.
std::vector<std::string> names(const Comparison& comparison) {
  std::vector<std::string> found;
  for (const ComparisonRun& run : comparison.runs) {
    if (std::find(found.begin(), found.end(), run.name) == found.end()) {
      found.push_back(run.name);
    }
  }
  return found;
}

/// The file's value types, checked by nlohmann::json, which throws.
Comparison parse(const Bytes& bytes) {
  const Json json = Json::parse(text_of(bytes));
  int schema = 0;
  read_field(json, "schema", schema);
  check(schema == kSchema, ErrorCode::kIncompatible, "expected schema ", kSchema, ", got ", schema);
  Comparison comparison;
  read_field(json, "baseline", comparison.baseline);
  const Json& runs = json.at("runs");
  check(runs.is_array(), ErrorCode::kCorruptData, "runs: expected a list, got ", runs.type_name());
  for (const Json& object : runs) {
    visit_run(comparison.runs.emplace_back(),
              [&](const char* key, auto& field) { read_field(object, key, field); });
  }
  return comparison;
}

}  // namespace

std::vector<Ratio> ratios(const Comparison& comparison) {
  std::map<std::uint64_t, const ComparisonRun*> baselines;
  for (const ComparisonRun& run : comparison.runs) {
    if (run.name == comparison.baseline) {
      baselines.emplace(run.seed, &run);
    }
  }
  std::vector<Ratio> result;
  for (const std::string& name : names(comparison)) {
    Sum uplink;
    Sum downlink;
    Sum accuracy;
    for (const ComparisonRun& run : comparison.runs) {
      const auto found = baselines.find(run.seed);
      if (run.name != name || name == comparison.baseline || found == baselines.end()) {
        continue;
      }
      const ComparisonRun& base = *found->second;
      uplink.add(per_run(base.uplink_bytes_per_client_round, run.uplink_bytes_per_client_round));
      downlink.add(
          per_run(base.downlink_bytes_per_client_round, run.downlink_bytes_per_client_round));
      accuracy.add(run.accuracy - base.accuracy);
    }
    if (uplink.count > 0) {
      result.push_back({.name = name,
                        .uplink_ratio = uplink.mean(),
                        .downlink_ratio = downlink.mean(),
                        .accuracy_difference = accuracy.mean()});
    }
  }
  return result;
}

std::string to_json(const Comparison& comparison) {
  Json json;
  json["schema"] = kSchema;
  json["baseline"] = comparison.baseline;
  json["runs"] = Json::array();
  for (const ComparisonRun& run : comparison.runs) {
    Json& object = json["runs"].emplace_back(Json::object());
    visit_run(run, [&](const char* key, const auto& field) { object[key] = field; });
  }
  json["ratios"] = Json::array();
  for (const Ratio& ratio : ratios(comparison)) {
    json["ratios"].push_back(Json{{"name", ratio.name},
                                  {"uplink_ratio", ratio.uplink_ratio},
                                  {"downlink_ratio", ratio.downlink_ratio},
                                  {"accuracy_difference", ratio.accuracy_difference}});
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
    // nlohmann::json reports every malformation by throwing.
    return Error(ErrorCode::kCorruptData, what + error.what());
  }
}

std::vector<ComparisonSummary> summaries(const Comparison& comparison) {
  const std::vector<Ratio> all_ratios = ratios(comparison);
  std::vector<ComparisonSummary> result;
  for (const std::string& name : names(comparison)) {
    ComparisonSummary& summary = result.emplace_back();
    summary.name = name;
    summary.is_baseline = name == comparison.baseline;
    summary.accuracy_low = std::numeric_limits<double>::infinity();
    summary.accuracy_high = -std::numeric_limits<double>::infinity();
    Sum uplink;
    Sum downlink;
    Sum accuracy;
    Sum seconds;
    for (const ComparisonRun& run : comparison.runs) {
      if (run.name != name) {
        continue;
      }
      ++summary.seeds;
      summary.method = run.method;
      summary.trainable_parameters = run.trainable_parameters;
      summary.total_parameters = run.total_parameters;
      summary.accuracy_low = std::min(summary.accuracy_low, run.accuracy);
      summary.accuracy_high = std::max(summary.accuracy_high, run.accuracy);
      uplink.add(run.uplink_bytes_per_client_round);
      downlink.add(run.downlink_bytes_per_client_round);
      accuracy.add(run.accuracy);
      seconds.add(run.seconds);
    }
    summary.uplink_bytes = uplink.mean();
    summary.downlink_bytes = downlink.mean();
    summary.accuracy = accuracy.mean();
    summary.seconds = seconds.mean();
    const auto ratio = std::find_if(all_ratios.begin(), all_ratios.end(),
                                    [&](const Ratio& other) { return other.name == name; });
    const bool known = ratio != all_ratios.end();
    summary.uplink_ratio = summary.is_baseline ? 1 : known ? ratio->uplink_ratio : kUndefined;
    summary.downlink_ratio = summary.is_baseline ? 1 : known ? ratio->downlink_ratio : kUndefined;
    summary.accuracy_difference = summary.is_baseline ? 0
                                  : known             ? ratio->accuracy_difference
                                                      : kUndefined;
  }
  return result;
}

}  // namespace lorae::report
