#include "codec/places.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "codec/coder.h"
#include "codec/quantiser.h"

namespace lorae::codec {
namespace {

template <typename Entries>
std::vector<std::string_view> names_of(const Entries& entries) {
  std::vector<std::string_view> names;
  for (const auto& entry : entries) {
    names.push_back(entry.name);
  }
  return names;
}

/// "delta; selection: none; quantiser: float32, ..."
std::string known() {
  std::vector<std::string> parts;
  for (const Place& place : places()) {
    const std::vector<std::string> stages(place.stages.begin(), place.stages.end());
    const bool is_its_own_stage = place.stages == std::vector{place.name};
    parts.push_back(is_its_own_stage
                        ? std::string(place.name)
                        : str(place.name, ": ", stages.empty() ? "none" : join(stages)));
  }
  return join(parts, "; ");
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

}  // namespace

const std::array<Place, kNumPlaces>& places() {
  static const std::array<Place, kNumPlaces> all = {{{"delta", {"delta"}},
                                                     {"selection", {}},
                                                     {"quantiser", names_of(quantisers())},
                                                     {"coder", names_of(coders())}}};
  return all;
}

std::array<std::string_view, kNumPlaces> fill_places(std::string_view chain) {
  std::array<std::string_view, kNumPlaces> filled{};
  for (const std::string_view stage : split(chain, ',')) {
    const auto refuse = [&](const std::string& why) {
      fail(ErrorCode::kInvalidConfig, "[codec] chain '", chain, "': stage '", stage, "' ", why,
           "; known: ", known());
    };
    const auto place = std::ranges::find_if(places(), [&](const Place& candidate) {
      return std::ranges::count(candidate.stages, stage) > 0;
    });
    if (place == places().end()) {
      refuse("is unknown");
    }
    const auto index = static_cast<std::size_t>(place - places().begin());
    if (!filled[index].empty()) {
      refuse(str("is a second ", place->name, " after '", filled[index], "'"));
    }
    for (std::size_t later = index + 1; later < filled.size(); ++later) {
      if (!filled[later].empty()) {
        refuse(str("must come before '", filled[later], "'"));
      }
    }
    filled[index] = stage;
  }
  return filled;
}

const std::vector<std::string>& known_stages() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const Place& place : places()) {
      names.insert(names.end(), place.stages.begin(), place.stages.end());
    }
    return names;
  }();
  return all;
}

}  // namespace lorae::codec
