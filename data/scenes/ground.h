#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/seed.h"

namespace lorae::data {

using Colour = std::array<std::int32_t, 3>;  // 0 to 255

/// How a domain looks.
struct SceneLook {
  enum class Pattern { kClouds, kStripes, kBricks, kSpots };

  Pattern pattern = Pattern::kClouds;
  Colour dark{}, bright{};        ///< of the ground
  std::array<Colour, 4> tints{};  ///< of things
  bool inverted = false;          ///< things are bright where their pictures are dark
  std::int32_t contrast = 256;    ///< of things, of 256
  std::int32_t light = 0;         ///< added to things
  std::int32_t noise = 0;         ///< at most so much more or less, each pixel and channel
};

const SceneLook& scene_look(std::int64_t domain);

/// Shape: [side, side, 3].
std::vector<std::uint8_t> scene_ground(const SceneLook& look, std::int64_t side, Random& random);

}  // namespace lorae::data
