#include "data/scenes/scenes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/digest.h"
#include "data/formats/png_file.h"
#include "data/picture_head.h"

namespace lorae::data {
namespace {

/// Discs and squares, brighter to the right.
std::vector<Cutout> cutouts() {
  std::vector<Cutout> all;
  for (std::int64_t label = 0; label < 2; ++label) {
    Cutout& cutout = all.emplace_back(Cutout{label, {}});
    for (std::int64_t y = 0; y < 28; ++y) {
      for (std::int64_t x = 0; x < 28; ++x) {
        const std::int64_t dy = 2 * y - 27, dx = 2 * x - 27;
        const bool on =
            label == 0 ? dy * dy + dx * dx < 600 : std::abs(dy) < 20 && std::abs(dx) < 20;
        cutout.pixels.push_back(on ? static_cast<std::uint8_t>(100 + 5 * x) : 0);
      }
    }
  }
  return all;
}

Scene scene(std::int64_t domain, std::uint64_t seed) {
  return compose_scene(cutouts(), {.side = 96, .classes = 2, .domain = domain}, Seed{seed});
}

TEST(Scenes, TheSameFlagsGiveTheSameBytes) {
  Hasher hasher;
  for (std::int64_t domain = 0; domain < kSceneDomains; ++domain) {
    const Scene one = scene(domain, 7), again = scene(domain, 7);
    EXPECT_EQ(one.pixels, again.pixels);
    EXPECT_EQ(one.objects, again.objects);
    EXPECT_NE(one.pixels, scene(domain, 8).pixels);
    hasher.add(png_bytes(one.pixels, 96, 96, 3));
  }
  // The bytes of every machine; another value is another data set for all who made one.
  EXPECT_EQ(hasher.finish().hex().substr(0, 16), "c2eac76560e84dce");
}

TEST(Scenes, BoxesAndOutlinesAreExact) {
  std::int64_t objects = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Scene made = scene(static_cast<std::int64_t>(seed % 4), seed);
    Pixels owners{96, 96, std::vector<std::uint8_t>(96 * 96)};
    std::int64_t area = 0;
    for (const Object& object : made.objects) {
      EXPECT_EQ(object.box, extent(object.polygons));
      EXPECT_GE(object.box.x1, 0);
      EXPECT_LE(object.box.y2, 1);
      EXPECT_LT(object.label, 2);
      Pixels own{96, 96, std::vector<std::uint8_t>(96 * 96)};
      fill(object.polygons, 1, own);
      area += std::ranges::count(own.values, 1);
      fill(object.polygons, 1, owners);
      ++objects;
    }
    EXPECT_EQ(std::ranges::count(owners.values, 1), area) << "what is seen overlaps nowhere";
  }
  EXPECT_GT(objects, 60);
}

TEST(Scenes, DomainsDiffer) {
  std::vector<std::array<double, 3>> means;
  for (std::int64_t domain = 0; domain < kSceneDomains; ++domain) {
    std::array<double, 3> sums{};
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const Scene made = scene(domain, seed);
      for (std::size_t i = 0; i < made.pixels.size(); ++i) {
        sums.at(i % 3) += made.pixels[i] / (8.0 * 96 * 96);
      }
    }
    for (const auto& other : means) {
      double distance = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        distance += std::abs(sums.at(c) - other.at(c));
      }
      EXPECT_GT(distance, 60) << "domain " << domain;
    }
    means.push_back(sums);
  }
}

TEST(Scenes, APngTellsItsSize) {
  const std::vector<std::uint8_t> pixels(20 * 30 * 3, 9);
  const auto head = picture_head_of(view_of(png_bytes(pixels, 20, 30, 3)));
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->size, (PictureSize{.height = 20, .width = 30}));
}

}  // namespace
}  // namespace lorae::data
