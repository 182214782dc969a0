#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace lorae::codec {

/// The places of a chain, in their order.
enum PlaceIndex : std::size_t { kDelta, kSelection, kQuantiser, kCoder, kNumPlaces };

/// A place and what can fill it.
struct Place {
  std::string_view name;
  std::vector<std::string_view> stages;
};

const std::array<Place, kNumPlaces>& places();

/// The stage in each place of a chain "delta,int8:row,zstd"; "" where it names none.
/// Errors: kInvalidConfig, naming the stage, what is wrong with it, and the known ones.
std::array<std::string_view, kNumPlaces> fill_places(std::string_view chain);

/// All stages of all places: what a client tells a coordinator.
const std::vector<std::string>& known_stages();

}  // namespace lorae::codec
