#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/stage.h"

namespace lorae::codec {

/// The places of a chain, in their order.
enum PlaceIndex : std::size_t { kDelta, kSelection, kQuantiser, kCoder, kNumPlaces };

/// What can fill a place: a line of its table, without what makes it.
struct PlaceStage {
  std::string_view name;
  StageNumber number;

  /// As lists have it: "int8:row", "rms_step:c".
  std::string text() const;

  bool operator==(const PlaceStage&) const = default;
};

/// A place and what can fill it.
struct Place {
  std::string_view name;
  std::vector<PlaceStage> stages;
};

const std::array<Place, kNumPlaces>& places();

/// The stage of a chain in one place.
struct Filled {
  std::string_view text;  ///< as the chain has it
  std::size_t stage = 0;  ///< its line in the place's table
  double number = 0;      ///< behind its name, if it has one
};

/// What fills each place of a chain "delta,int8:row,zstd"; nothing where it names none.
/// Errors: kInvalidConfig, naming the stage, what is wrong with it, and the known ones.
std::array<std::optional<Filled>, kNumPlaces> fill_places(std::string_view chain);

/// All stages of all places: what a client tells a coordinator.
const std::vector<std::string>& known_stages();

}  // namespace lorae::codec
