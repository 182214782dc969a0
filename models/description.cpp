#include "models/description.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "adapters/description.h"
#include "base/error.h"

namespace lorae::models {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostPixels = 1 << 16;

std::int64_t whole(const json& object, const char* key, std::int64_t most) {
  const json& value = object.at(key);
  check(value.is_number_integer() && value.get<double>() >= 1 &&
            value.get<double>() <= static_cast<double>(most),
        ErrorCode::kCorruptData, "description of the model: ", key,
        ": expected a whole number in [1, ", most, "]");
  return value.get<std::int64_t>();
}

/// One for all channels, or one for each.
std::vector<double> numbers(const json& object,
                            const char* key,
                            std::int64_t channels,
                            double low) {
  auto values = object.at(key).get<std::vector<double>>();
  bool fit = values.size() == 1 || std::ssize(values) == channels;
  for (const double value : values) {
    fit = fit && std::isfinite(value) && value >= low;
  }
  check(fit, ErrorCode::kCorruptData, "description of the model: ", key, ": expected 1 or ",
        channels, " numbers of at least ", low);
  return values;
}

Description parse(const json& object) {
  const json& input = object.at("input");
  Description description;
  description.task = object.at("task").get<std::string>();
  description.class_names = object.at("class_names").get<std::vector<std::string>>();
  ModelOptions& model = description.model;
  model.name = object.at("name").get<std::string>();
  model.stem = object.at("stem").get<std::string>();
  model.norm_groups = object.contains("norm_groups") ? whole(object, "norm_groups", 1024) : 0;
  model.classes = whole(object, "classes", kMostPixels);
  model.channels = whole(input, "channels", 4);
  model.height = whole(input, "height", kMostPixels);
  model.width = whole(input, "width", kMostPixels);
  model.pool = whole(input, "pool", std::min(model.height, model.width));
  model.mean = numbers(input, "mean", model.channels, 0);
  model.standard_deviation = numbers(input, "standard_deviation", model.channels, 1e-6);
  return description;
}

}  // namespace

std::string description_text(const Description& description) {
  const ModelOptions& model = description.model;
  json object{{"name", model.name},
              {"stem", model.stem},
              {"classes", model.classes},
              {"class_names", description.class_names},
              {"task", description.task},
              {"input",
               {{"channels", model.channels},
                {"height", model.height},
                {"width", model.width},
                {"pool", model.pool},
                {"mean", model.mean},
                {"standard_deviation", model.standard_deviation}}}};
  if (model.norm_groups > 0) {
    object["norm_groups"] = model.norm_groups;
  }
  return object.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

Result<Description> parse_description(std::string_view text) {
  try {
    return parse(json::parse(text));
  } catch (const Error& error) {
    return error;
  } catch (const json::exception&) {
    return Error(ErrorCode::kCorruptData,
                 "description of the model: a field is missing or of another type");
  }
}

Metadata metadata_of(const Description& description) {
  return {{std::string(adapters::kAboutKey), description_text(description)}};
}

std::optional<Description> described(const Metadata& metadata) {
  const auto text = metadata.find(std::string(adapters::kAboutKey));
  return text == metadata.end() ? std::nullopt
                                : std::optional(parse_description(text->second).value());
}

}  // namespace lorae::models
