#include "codec/places.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "codec/coder.h"
#include "codec/quantiser.h"
#include "codec/selection.h"

namespace lorae::codec {
namespace {

template <typename Entries>
std::vector<PlaceStage> stages_of(const Entries& entries) {
  std::vector<PlaceStage> stages;
  for (const auto& entry : entries) {
    stages.push_back({entry.name, entry.number});
  }
  return stages;
}

/// "delta; selection: top_k:d, ...; quantiser: float32, ..."
std::string known() {
  std::vector<std::string> parts;
  for (const Place& place : places()) {
    std::vector<std::string> stages;
    for (const PlaceStage& stage : place.stages) {
      stages.push_back(stage.text());
    }
    const bool is_its_own_stage = stages == std::vector{std::string(place.name)};
    parts.push_back(is_its_own_stage ? stages.front() : str(place.name, ": ", join(stages)));
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

/// The text is the stage's, but for its number.
bool has_name(const PlaceStage& stage, std::string_view text) {
  if (stage.number.letter.empty()) {
    return text == stage.name;
  }
  return text.substr(0, text.find(':')) == stage.name;
}

/// The number behind the name; nothing if it is not one that the stage takes.
std::optional<double> number_of(const PlaceStage& stage, std::string_view text) {
  if (stage.number.letter.empty()) {
    return 0.0;
  }
  const std::string_view digits = text.substr(std::min(stage.name.size() + 1, text.size()));
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const StageNumber& allowed = stage.number;
  if (error != std::errc() || end != digits.data() + digits.size() ||
      !(number >= allowed.least && number <= allowed.most) ||
      (allowed.whole && number != std::floor(number))) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::string PlaceStage::text() const {
  return number.letter.empty() ? std::string(name) : str(name, ':', number.letter);
}

const std::array<Place, kNumPlaces>& places() {
  static const std::array<Place, kNumPlaces> all = {{{"delta", {{"delta", {}}}},
                                                     {"selection", stages_of(selections())},
                                                     {"quantiser", stages_of(quantisers())},
                                                     {"coder", stages_of(coders())}}};
  return all;
}

std::array<std::optional<Filled>, kNumPlaces> fill_places(std::string_view chain) {
  std::array<std::optional<Filled>, kNumPlaces> filled;
  for (const std::string_view text : split(chain, ',')) {
    const auto refuse = [&](const std::string& why) {
      fail(ErrorCode::kInvalidConfig, "[codec] chain '", chain, "': stage '", text, "' ", why,
           "; known: ", known());
    };
    const auto is_it = [&](const PlaceStage& stage) { return has_name(stage, text); };
    const auto place = std::ranges::find_if(places(), [&](const Place& candidate) {
      return std::ranges::any_of(candidate.stages, is_it);
    });
    if (place == places().end()) {
      refuse("is unknown");
    }
    const auto index = static_cast<std::size_t>(place - places().begin());
    if (filled[index]) {
      refuse(str("is a second ", place->name, " after '", filled[index]->text, "'"));
    }
    for (std::size_t later = index + 1; later < filled.size(); ++later) {
      if (filled[later]) {
        refuse(str("must come before '", filled[later]->text, "'"));
      }
    }
    const auto stage = std::ranges::find_if(place->stages, is_it);
    const auto number = number_of(*stage, text);
    if (!number) {
      refuse(str("needs a ", stage->number.whole ? "whole " : "", "number from ",
                 stage->number.least, " to ", stage->number.most));
    }
    filled[index] = {text, static_cast<std::size_t>(stage - place->stages.begin()), *number};
  }
  return filled;
}

const std::vector<std::string>& known_stages() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const Place& place : places()) {
      for (const PlaceStage& stage : place.stages) {
        names.push_back(stage.text());
      }
    }
    return names;
  }();
  return all;
}

}  // namespace lorae::codec
