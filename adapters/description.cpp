#include "adapters/description.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace lorae::adapters {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 16 << 20;  // bytes: over 100,000 layers
constexpr std::int64_t kFlatVersion = 2;    // a layer was one record
constexpr std::int64_t kMaxSize = 1 << 20;  // of a kernel, a rank, a number of groups

[[noreturn]] void bad(const std::string& what) {
  fail(ErrorCode::kCorruptData, "bad description: ", what);
}

const json& member(const json& object, const std::string& where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    bad(str(where, key, " is missing"));
  }
  return *found;
}

std::string text(const json& object, const std::string& where, const char* key) {
  const json& value = member(object, where, key);
  if (!value.is_string()) {
    bad(str(where, key, ": expected text, got ", value.type_name()));
  }
  return value.get<std::string>();
}

template <Named Enum>
Enum choice(const json& object, const char* key) {
  const std::string name = text(object, "", key);
  if (const auto value = named<Enum>(name)) {
    return *value;
  }
  const std::vector<std::string> names(kNames<Enum>.begin(), kNames<Enum>.end());
  bad(str(key, ": expected one of ", join(names), ", got '", name, "'"));
}

/// Whole, in [low, high].
std::int64_t whole(const json& object,
                   const std::string& where,
                   const char* key,
                   std::int64_t low,
                   std::int64_t high = kMaxSize) {
  const json& value = member(object, where, key);
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                        : value.is_number_integer() && value.get<std::int64_t>() <= high;
  if (!fits || value.get<std::int64_t>() < low) {
    bad(str(where, key, ": expected a whole number in [", low, ", ", high, "], got ",
            value.is_number() ? value.dump() : value.type_name()));
  }
  return value.get<std::int64_t>();
}

double positive(const json& object, const std::string& where, const char* key) {
  const json& value = member(object, where, key);
  if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() <= 0) {
    bad(str(where, key, ": expected a positive number, got ",
            value.is_number() ? value.dump() : value.type_name()));
  }
  return value.get<double>();
}

/// The part of a layer's record called `key`; in format 2 the record itself.
const json& part(const json& layer, const std::string& where, const char* key, bool nested) {
  if (!nested) {
    return layer;
  }
  const json& object = member(layer, where, key);
  if (!object.is_object()) {
    bad(str(where, key, ": expected an object, got ", object.type_name()));
  }
  return object;
}

LayerDescription parse_layer(const json& object, std::size_t index, bool nested) {
  const std::string where = str("layers[", index, "].");
  if (!object.is_object()) {
    bad(str("layers[", index, "]: expected an object, got ", object.type_name()));
  }
  const json& shape = part(object, where, "shape", nested);
  const json& adapter = part(object, where, "adapter", nested);
  const std::string in_shape = nested ? where + "shape." : where;
  const std::string in_adapter = nested ? where + "adapter." : where;
  LayerDescription layer{.name = text(object, where, "name"),
                         .kernel = whole(shape, in_shape, "kernel", 0),
                         .stride = whole(shape, in_shape, "stride", 1),
                         .groups = whole(shape, in_shape, "groups", 1),
                         .rank = whole(adapter, in_adapter, "rank", 1),
                         .alpha = positive(adapter, in_adapter, "alpha"),
                         .scaling = positive(adapter, in_adapter, "scaling")};
  if (layer.name.empty()) {
    bad(str(where, "name is empty"));
  }
  return layer;
}

AdapterInfo parse(std::string_view description) {
  if (description.size() > kMaxText) {
    bad(str("expected at most ", kMaxText, " bytes, got ", description.size()));
  }
  const json object = json::parse(description, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) {
    bad("it is not JSON");
  }
  if (!object.is_object()) {
    bad(str("expected an object, got ", object.type_name()));
  }
  const std::int64_t version = whole(object, "", "version", 0);
  check(version == kFormatVersion || version == kFlatVersion, ErrorCode::kIncompatible,
        "format version ", version, ", this build reads ", kFlatVersion, " and ", kFormatVersion,
        version > kFormatVersion ? "; it was written by a later LoRAE: use that, or a later one"
                                 : "; write it again with the LoRAE that wrote it");
  const bool nested = version != kFlatVersion;
  AdapterInfo info{.model = text(object, "", "model"),
                   .kind = choice<Kind>(object, "kind"),
                   .classes = whole(object, "", "classes", 0),
                   .round = RoundId{static_cast<std::uint64_t>(
                       whole(object, "", "round", 0, std::numeric_limits<std::int64_t>::max()))},
                   .base_digest = text(object, "", "base_digest"),
                   .head = choice<Head>(object, "head"),
                   .norm = choice<Norm>(object, "norm")};
  if (nested) {
    info.task = text(object, "", "task");
  }
  const json& layers = member(object, "", "layers");
  if (!layers.is_array()) {
    bad(str("layers: expected a list, got ", layers.type_name()));
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    info.layers.push_back(parse_layer(layers[i], i, nested));
    if (!names.insert(info.layers.back().name).second) {
      bad(str("layers[", i, "]: '", info.layers.back().name, "' comes twice"));
    }
  }
  if (info.layers.empty() != (info.kind != Kind::kLorae)) {
    bad(info.layers.empty() ? "kind is lorae, but there are no layers"
                            : str("kind is ", name_of(info.kind), ", but there are layers"));
  }
  return info;
}

}  // namespace

std::string description_text(const AdapterInfo& info) {
  json layers = json::array();
  for (const LayerDescription& layer : info.layers) {
    layers.push_back(
        {{"name", layer.name},
         {"shape", {{"kernel", layer.kernel}, {"stride", layer.stride}, {"groups", layer.groups}}},
         {"adapter", {{"rank", layer.rank}, {"alpha", layer.alpha}, {"scaling", layer.scaling}}}});
  }
  return json{{"version", kFormatVersion},  {"model", info.model},
              {"kind", name_of(info.kind)}, {"classes", info.classes},
              {"round", info.round.value},  {"base_digest", info.base_digest},
              {"head", name_of(info.head)}, {"norm", name_of(info.norm)},
              {"task", info.task},          {"layers", layers}}
      .dump();
}

Result<AdapterInfo> parse_description(std::string_view description) {
  try {
    return parse(description);
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace lorae::adapters
