#include "base/figures.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace lorae {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::vector<double>& values) {
  constexpr double kDecimals = 1e4;
  Json json = Json::array();
  for (const double value : values) {
    json.push_back(std::round(value * kDecimals) / kDecimals);
  }
  return json;
}

Json json_of(const Metrics& metrics) {
  Json json = Json::array();
  for (const auto& [name, value] : metrics) {
    json.push_back({name, value});
  }
  return json;
}

Json json_of(const JudgedLines& lines) {
  return {{"label", lines.label},
          {"precision_over_recall", json_of(lines.precision_over_recall)},
          {"precision", json_of(lines.precision)},
          {"recall", json_of(lines.recall)},
          {"f1", json_of(lines.f1)}};
}

Json json_of(const JudgedCurves& curves) {
  Json json{{"shape", curves.shape},
            {"confidence", curves.confidence},
            {"mean", json_of(curves.mean)},
            {"classes", Json::array()}};
  for (const JudgedLines& lines : curves.classes) {
    json["classes"].push_back(json_of(lines));
  }
  return json;
}

Json json_of(const Confusion& confusion) {
  Json json{{"counted", confusion.counted},       {"classes", confusion.classes},
            {"background", confusion.background}, {"confidence", confusion.confidence},
            {"overlap", confusion.overlap},       {"pairs", Json::array()}};
  for (const Confusion::Pair& pair : confusion.pairs) {
    json["pairs"].push_back({pair.found, pair.truth, pair.count});
  }
  return json;
}

double number_of(const Json& json) {
  return json.is_null() ? std::nan("") : json.get<double>();
}

std::vector<double> numbers_of(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json) {
    values.push_back(number_of(value));
  }
  return values;
}

Metrics metrics_of(const Json& json) {
  Metrics metrics;
  for (const Json& pair : json) {
    metrics.set(pair.at(0).get<std::string>(), number_of(pair.at(1)));
  }
  return metrics;
}

JudgedLines lines_of(const Json& json) {
  return {.label = json.at("label").get<std::int64_t>(),
          .precision_over_recall = numbers_of(json.at("precision_over_recall")),
          .precision = numbers_of(json.at("precision")),
          .recall = numbers_of(json.at("recall")),
          .f1 = numbers_of(json.at("f1"))};
}

JudgedCurves curves_of(const Json& json) {
  JudgedCurves curves{.shape = json.at("shape").get<std::string>(),
                      .confidence = number_of(json.at("confidence")),
                      .mean = lines_of(json.at("mean")),
                      .classes = {}};
  for (const Json& lines : json.at("classes")) {
    curves.classes.push_back(lines_of(lines));
  }
  return curves;
}

Confusion confusion_of(const Json& json) {
  Confusion confusion{.counted = json.at("counted").get<std::string>(),
                      .classes = json.at("classes").get<std::int64_t>(),
                      .background = json.at("background").get<bool>(),
                      .confidence = number_of(json.at("confidence")),
                      .overlap = number_of(json.at("overlap")),
                      .pairs = {}};
  constexpr std::int64_t kMost = 1'000'000'000;
  check(confusion.classes >= 0 && confusion.classes <= kMost, ErrorCode::kCorruptData,
        "[figures] confusion of ", confusion.classes, " classes");
  const auto known = [&](std::int64_t label) { return label >= 0 && label < confusion.side(); };
  for (const Json& row : json.at("pairs")) {
    const Confusion::Pair pair{row.at(0).get<std::int64_t>(), row.at(1).get<std::int64_t>(),
                               row.at(2).get<std::int64_t>()};
    check(known(pair.found) && known(pair.truth) && pair.count >= 0, ErrorCode::kCorruptData,
          "[figures] confusion of ", confusion.classes, " classes: [", pair.found, ", ", pair.truth,
          ", ", pair.count, "]");
    confusion.pairs.push_back(pair);
  }
  return confusion;
}

Figures figures_of(const Json& json) {
  Figures figures{.classes = json.at("classes").get<std::vector<std::string>>(),
                  .metrics = metrics_of(json.at("metrics")),
                  .by_class = {},
                  .curves = {},
                  .confusion = {}};
  for (const Json& result : json.at("by_class")) {
    figures.by_class.push_back({.label = result.at("label").get<std::int64_t>(),
                                .images = result.at("images").get<std::int64_t>(),
                                .metrics = metrics_of(result.at("metrics"))});
  }
  for (const Json& curves : json.at("curves")) {
    figures.curves.push_back(curves_of(curves));
  }
  if (const Json& confusion = json.at("confusion"); !confusion.is_null()) {
    figures.confusion = confusion_of(confusion);
  }
  return figures;
}

}  // namespace

std::string class_name(const std::vector<std::string>& names, std::int64_t label) {
  return label >= 0 && label < std::ssize(names) ? names[static_cast<std::size_t>(label)]
                                                 : std::to_string(label);
}

std::string of_round(std::string_view file, std::uint64_t round) {
  const std::size_t ending = file.rfind('.');
  return fmt::format("{}-{:06}{}", file.substr(0, ending), round, file.substr(ending));
}

std::string to_text(const Figures& figures) {
  Json json{{"classes", figures.classes},
            {"metrics", json_of(figures.metrics)},
            {"by_class", Json::array()},
            {"curves", Json::array()},
            {"confusion", nullptr}};
  for (const ClassResult& result : figures.by_class) {
    json["by_class"].push_back(
        {{"label", result.label}, {"images", result.images}, {"metrics", json_of(result.metrics)}});
  }
  for (const JudgedCurves& curves : figures.curves) {
    json["curves"].push_back(json_of(curves));
  }
  if (figures.confusion) {
    json["confusion"] = json_of(*figures.confusion);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Figures> parse_figures(std::string_view text) {
  try {
    return figures_of(Json::parse(text));
  } catch (const nlohmann::json::exception& problem) {
    return Error(ErrorCode::kCorruptData, str("[figures] ", problem.what()));
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace lorae
