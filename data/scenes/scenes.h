#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/seed.h"
#include "data/formats/outline.h"
#include "data/objects.h"

// Pictures for detection and segmentation, composed from real ones of single things: for machines
// without the real sets. Integers and the four operations alone, so every machine makes the same.
namespace lorae::data {

/// A grey picture of one thing on black. Shape: [28, 28].
struct Cutout {
  static constexpr std::int64_t kSide = 28;

  std::int64_t label = 0;
  std::vector<std::uint8_t> pixels;
};

struct SceneOptions {
  std::int64_t side = 160;    ///< pixels of the square pictures
  std::int64_t classes = 10;  ///< labels of cutouts in [0, classes) are used
  std::int64_t domain = 0;    ///< in [0, kSceneDomains): ground, light, contrast and noise
  std::int64_t most_objects = 6;
};

inline constexpr std::int64_t kSceneDomains = 4;

/// A composed picture; each object with the outline and the box of what is seen of it.
struct Scene {
  std::vector<std::uint8_t> pixels;  ///< Shape: [side, side, 3], RGB
  std::vector<Object> objects;       ///< from the back to the front
};

/// One to `most_objects` cutouts, scaled, turned, mirrored, tinted and over each other, on a
/// textured ground. At least half of each is seen. The same for the same arguments.
/// Precondition: there is a cutout of each class.
Scene compose_scene(const std::vector<Cutout>& cutouts, const SceneOptions& options, Seed seed);

}  // namespace lorae::data
