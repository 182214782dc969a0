#include "data/scenes/ground.h"

#include <algorithm>

namespace lorae::data {
namespace {

using Pattern = SceneLook::Pattern;

constexpr std::array<SceneLook, 4> kLooks = {
    // A grey day: soft ground of earth and grass, things in light colours.
    SceneLook{.pattern = Pattern::kClouds,
              .dark = {58, 66, 48},
              .bright = {128, 122, 96},
              .tints = {Colour{255, 250, 240}, {255, 214, 150}, {180, 225, 255}, {230, 255, 190}},
              .contrast = 256,
              .light = 24,
              .noise = 4},
    // Under water: blue stripes, things pale and of little contrast.
    SceneLook{.pattern = Pattern::kStripes,
              .dark = {14, 52, 96},
              .bright = {52, 128, 160},
              .tints = {Colour{120, 200, 210}, {90, 170, 230}, {150, 220, 180}, {130, 150, 220}},
              .contrast = 150,
              .light = 70,
              .noise = 12},
    // Against the light: dark things before a wall of warm bricks.
    SceneLook{.pattern = Pattern::kBricks,
              .dark = {176, 112, 74},
              .bright = {246, 214, 168},
              .tints = {Colour{190, 84, 66}, {104, 76, 140}, {84, 112, 70}, {140, 120, 96}},
              .inverted = true,
              .contrast = 236,
              .light = 6,
              .noise = 10},
    // Night: dim green things among spots of light, and a camera that sees mostly noise.
    SceneLook{.pattern = Pattern::kSpots,
              .dark = {8, 10, 16},
              .bright = {96, 92, 60},
              .tints = {Colour{60, 150, 70}, {100, 130, 60}, {50, 130, 110}, {120, 110, 90}},
              .contrast = 170,
              .light = 14,
              .noise = 30},
};

/// Soft noise: bytes at the corners of cells, and between them in proportion. Shape: [side, side],
/// 0 to 255.
class Clouds {
 public:
  Clouds(std::int64_t side, std::int64_t cell, Random& random)
      : cell_(std::max<std::int64_t>(cell, 2)), columns_(side / cell_ + 2) {
    for (std::int64_t i = 0; i < columns_ * columns_; ++i) {
      corners_.push_back(static_cast<std::int32_t>(random.next_u32() >> 24U));
    }
  }

  std::int32_t at(std::int64_t y, std::int64_t x) const {
    const std::int64_t row = y / cell_, column = x / cell_;
    const auto down = static_cast<std::int32_t>(y % cell_ * 256 / cell_);
    const auto right = static_cast<std::int32_t>(x % cell_ * 256 / cell_);
    const auto corner = [&](std::int64_t i, std::int64_t k) {
      return corners_[static_cast<std::size_t>((row + i) * columns_ + column + k)];
    };
    const std::int32_t upper = corner(0, 0) * (256 - right) + corner(0, 1) * right;
    const std::int32_t lower = corner(1, 0) * (256 - right) + corner(1, 1) * right;
    return (upper / 256 * (256 - down) + lower / 256 * down) / 256;
  }

 private:
  std::int64_t cell_, columns_;
  std::vector<std::int32_t> corners_;
};

/// How bright the pattern is at a place, 0 to 255.
class Weave {
 public:
  Weave(Pattern pattern, std::int64_t side, Random& random)
      : pattern_(pattern),
        unit_(std::max<std::int64_t>(side / static_cast<std::int64_t>(6 + random.below(6)), 4)),
        shift_(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(side)))),
        slope_(static_cast<std::int64_t>(random.below(5)) - 2),
        coarse_(side, side / 3, random),
        middle_(side, side / 8, random),
        fine_(side, side / 24, random) {}

  std::int32_t at(std::int64_t y, std::int64_t x) const {
    const std::int32_t soft = (coarse_.at(y, x) * 2 + middle_.at(y, x)) / 3;
    switch (pattern_) {
      case Pattern::kClouds:
        return (soft * 3 + fine_.at(y, x)) / 4;
      case Pattern::kStripes: {
        const std::int64_t along =
            2000 * unit_ + y * 2 + x * slope_ + shift_ * 8 + middle_.at(y, x) * unit_ / 96;
        const std::int64_t place = along % (2 * unit_) * 255 / unit_;
        return static_cast<std::int32_t>(((place > 255 ? 510 - place : place) * 2 + soft) / 3);
      }
      case Pattern::kBricks: {
        const std::int64_t row = (y + shift_) / unit_;
        const std::int64_t along = x + shift_ + row % 2 * unit_;
        const bool joint = (y + shift_) % unit_ < 2 || along % (2 * unit_) < 2;
        return joint ? 20
                     : std::min(255, 90 + soft / 2 +
                                         static_cast<std::int32_t>(
                                             (row * 7 + along / (2 * unit_) * 13) % 40));
      }
      default: {
        const std::int32_t spot = middle_.at(y, x) - 170;
        return std::min(255, soft / 5 + (spot > 0 ? spot * 3 : 0) + fine_.at(y, x) / 12);
      }
    }
  }

 private:
  Pattern pattern_;
  std::int64_t unit_, shift_, slope_;
  Clouds coarse_, middle_, fine_;
};

}  // namespace

const SceneLook& scene_look(std::int64_t domain) {
  return kLooks.at(static_cast<std::size_t>(domain));
}

std::vector<std::uint8_t> scene_ground(const SceneLook& look, std::int64_t side, Random& random) {
  const Weave weave(look.pattern, side, random);
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(side * side * 3));
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      const std::int32_t bright = std::clamp(weave.at(y, x), 0, 255);
      for (std::size_t c = 0; c < 3; ++c) {
        pixels.push_back(static_cast<std::uint8_t>(
            look.dark.at(c) + (look.bright.at(c) - look.dark.at(c)) * bright / 255));
      }
    }
  }
  return pixels;
}

}  // namespace lorae::data
