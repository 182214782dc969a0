#include "data/scenes/scenes.h"

#include <algorithm>

#include "base/error.h"
#include "data/scenes/ground.h"

namespace lorae::data {
namespace {

constexpr std::int64_t kSide = Cutout::kSide;
constexpr std::int64_t kOne = 1 << 12;    // of fixed-point numbers
constexpr std::int32_t kBackground = 12;  // a cutout's pixels up to this are none of the thing

/// Where a thing is: what lies outside of it is black and reached from the border.
std::vector<std::uint8_t> silhouette(const Cutout& cutout) {
  std::vector<std::uint8_t> inside(kSide * kSide, 255);
  std::vector<std::int64_t> open;
  const auto enter = [&](std::int64_t y, std::int64_t x) {
    const auto i = static_cast<std::size_t>(y * kSide + x);
    if (y >= 0 && x >= 0 && y < kSide && x < kSide && inside[i] != 0 &&
        cutout.pixels[i] <= kBackground) {
      inside[i] = 0;
      open.push_back(y * kSide + x);
    }
  };
  for (std::int64_t i = 0; i < kSide; ++i) {
    enter(0, i);
    enter(kSide - 1, i);
    enter(i, 0);
    enter(i, kSide - 1);
  }
  while (!open.empty()) {
    const std::int64_t y = open.back() / kSide, x = open.back() % kSide;
    open.pop_back();
    enter(y - 1, x);
    enter(y + 1, x);
    enter(y, x - 1);
    enter(y, x + 1);
  }
  return inside;
}

/// Between four pixels, at a place in fixed-point numbers; 0 outside. A pixel's centre is at one
/// half.
std::int64_t sampled(const std::vector<std::uint8_t>& pixels, std::int64_t y, std::int64_t x) {
  y -= kOne / 2;
  x -= kOne / 2;
  const std::int64_t row = y >> 12, column = x >> 12;
  const std::int64_t down = y - row * kOne, right = x - column * kOne;
  const auto pixel = [&](std::int64_t i, std::int64_t k) -> std::int64_t {
    return i >= 0 && k >= 0 && i < kSide && k < kSide
               ? pixels[static_cast<std::size_t>(i * kSide + k)]
               : 0;
  };
  const std::int64_t upper = pixel(row, column) * (kOne - right) + pixel(row, column + 1) * right;
  const std::int64_t lower =
      pixel(row + 1, column) * (kOne - right) + pixel(row + 1, column + 1) * right;
  return (upper * (kOne - down) + lower * down) >> 24;
}

/// From pixels of the scene to those of the cutout.
struct Turn {
  std::int64_t y = 0, x = 0;           ///< centre in the scene, in pixels
  std::int64_t reach = 0;              ///< no pixel of it is further away, in rows or columns
  std::int64_t along = 0, across = 0;  ///< cosine and sine over the scale, fixed-point
  bool mirrored = false;

  std::pair<std::int64_t, std::int64_t> source(std::int64_t row, std::int64_t column) const {
    const std::int64_t dy = 2 * (row - y) + 1, dx = (mirrored ? -1 : 1) * (2 * (column - x) + 1);
    return {(along * dy - across * dx) / 2 + kSide * kOne / 2,
            (along * dx + across * dy) / 2 + kSide * kOne / 2};
  }
};

/// The tangent of half the angle is a fraction, so sine and cosine are fractions, too.
Turn draw_turn(std::int64_t scene_side, Random& random) {
  const auto below = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
  };
  const std::int64_t smallest = std::max<std::int64_t>(scene_side / 5, 12);
  const std::int64_t side =
      smallest + below(std::max<std::int64_t>(scene_side * 11 / 20 - smallest, 1));
  constexpr std::int64_t kUnit = 1000, kSteepest = 260;  // 29 degrees
  const std::int64_t t = below(2 * kSteepest + 1) - kSteepest;
  const std::int64_t divisor = kUnit * kUnit + t * t;
  const std::int64_t cosine = (kUnit * kUnit - t * t) * kOne / divisor;
  const std::int64_t sine = 2 * kUnit * t * kOne / divisor;
  Turn turn;
  turn.mirrored = below(2) == 1;
  turn.along = cosine * kSide / side;
  turn.across = sine * kSide / side;
  turn.reach = side;
  const std::int64_t margin = side / 4;  // some things are cut by the scene's border
  turn.y = margin + below(std::max<std::int64_t>(scene_side - 2 * margin, 1));
  turn.x = margin + below(std::max<std::int64_t>(scene_side - 2 * margin, 1));
  return turn;
}

/// A scene while things are put into it.
class Canvas {
 public:
  Canvas(const SceneOptions& options, Random& random)
      : options_(options),
        look_(scene_look(options.domain)),
        random_(random),
        pixels_(scene_ground(look_, options.side, random)),
        owner_(static_cast<std::size_t>(options.side * options.side), 0) {}

  /// Puts a thing on top, unless too little of it or of another would be seen.
  void put(const Cutout& cutout) {
    const std::vector<std::uint8_t> shape = silhouette(cutout);
    const Colour tint = look_.tints.at(random_.below(look_.tints.size()));
    for (int tries = 0; tries < 8; ++tries) {
      const Turn turn = draw_turn(options_.side, random_);
      if (place(shape, turn)) {
        paint(cutout, tint, turn);
        labels_.push_back(cutout.label);
        return;
      }
    }
  }

  Scene finished() {
    Scene scene;
    for (std::uint8_t& value : pixels_) {
      const std::int32_t noise = static_cast<std::int32_t>(random_.below(
                                     2 * static_cast<std::uint64_t>(look_.noise) + 1)) -
                                 look_.noise;
      value = static_cast<std::uint8_t>(std::clamp(value + noise, 0, 255));
    }
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      Pixels seen{options_.side, options_.side, std::vector<std::uint8_t>(owner_.size())};
      std::ranges::transform(owner_, seen.values.begin(), [&](std::uint8_t owner) {
        return static_cast<std::uint8_t>(owner == i + 1);
      });
      Object object{.label = labels_[i], .box = {}, .polygons = outlines(seen)};
      object.box = extent(object.polygons);
      scene.objects.push_back(std::move(object));
    }
    scene.pixels = std::move(pixels_);
    return scene;
  }

 private:
  /// Marks the pixels of a thing as its own. False, and nothing changes, if it must not lie there.
  bool place(const std::vector<std::uint8_t>& shape, const Turn& turn) {
    std::vector<std::uint8_t> owner = owner_;
    const auto own = static_cast<std::uint8_t>(labels_.size() + 1);
    std::int64_t whole = 0, inside = 0;
    for (std::int64_t y = turn.y - turn.reach; y < turn.y + turn.reach; ++y) {
      for (std::int64_t x = turn.x - turn.reach; x < turn.x + turn.reach; ++x) {
        const auto [row, column] = turn.source(y, x);
        if (sampled(shape, row, column) < 128) {
          continue;
        }
        ++whole;
        if (y >= 0 && x >= 0 && y < options_.side && x < options_.side) {
          ++inside;
          owner[static_cast<std::size_t>(y * options_.side + x)] = own;
        }
      }
    }
    std::vector<std::int64_t> seen(own + 1U, 0);
    for (const std::uint8_t value : owner) {
      ++seen[value];
    }
    constexpr std::int64_t kFewest = 24;  // pixels
    if (inside < kFewest || inside * 10 < whole * 7) {
      return false;
    }
    for (std::size_t i = 0; i < areas_.size(); ++i) {
      if (seen[i + 1] * 2 < areas_[i]) {
        return false;
      }
    }
    areas_.push_back(inside);
    owner_ = std::move(owner);
    return true;
  }

  void paint(const Cutout& cutout, const Colour& tint, const Turn& turn) {
    const auto own = static_cast<std::uint8_t>(areas_.size());
    const std::int64_t top = std::max<std::int64_t>(turn.y - turn.reach, 0);
    const std::int64_t left = std::max<std::int64_t>(turn.x - turn.reach, 0);
    for (std::int64_t y = top; y < std::min(turn.y + turn.reach, options_.side); ++y) {
      for (std::int64_t x = left; x < std::min(turn.x + turn.reach, options_.side); ++x) {
        const auto i = static_cast<std::size_t>(y * options_.side + x);
        if (owner_[i] != own) {
          continue;
        }
        const auto [row, column] = turn.source(y, x);
        auto grey = static_cast<std::int32_t>(sampled(cutout.pixels, row, column));
        grey = look_.inverted ? 255 - grey : grey;
        for (std::size_t c = 0; c < 3; ++c) {
          const std::int32_t value = grey * tint.at(c) / 255 * look_.contrast / 256 + look_.light;
          pixels_[i * 3 + c] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
        }
      }
    }
  }

  const SceneOptions& options_;
  const SceneLook& look_;
  Random& random_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> owner_;  // 0 ground, k the k-th thing
  std::vector<std::int64_t> labels_, areas_;
};

}  // namespace

Scene compose_scene(const std::vector<Cutout>& cutouts, const SceneOptions& options, Seed seed) {
  check(options.side >= 32 && options.domain >= 0 && options.domain < kSceneDomains &&
            options.most_objects >= 1 && options.most_objects < 255,
        ErrorCode::kInvalidArgument, "[data] scenes: expected a side of at least 32 and a domain");
  std::vector<std::vector<const Cutout*>> of_class(static_cast<std::size_t>(options.classes));
  for (const Cutout& cutout : cutouts) {
    if (cutout.label < options.classes) {
      of_class[static_cast<std::size_t>(cutout.label)].push_back(&cutout);
    }
  }
  Random random = seed.random();
  Canvas canvas(options, random);
  const std::uint64_t count = 1 + random.below(static_cast<std::uint64_t>(options.most_objects));
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto& own = of_class[random.below(of_class.size())];
    canvas.put(*own[random.below(own.size())]);
  }
  return canvas.finished();
}

}  // namespace lorae::data
