#include "data/formats/outline.h"

#include <gtest/gtest.h>

#include "base/seed.h"

namespace lorae::data {
namespace {

Pixels pixels(std::initializer_list<const char*> rows) {
  Pixels all{std::ssize(rows), 0, {}};
  for (const std::string_view row : rows) {
    all.width = std::ssize(row);
    for (const char c : row) {
      all.values.push_back(c == '#' ? 1 : 0);
    }
  }
  return all;
}

Pixels filled(const std::vector<Polygon>& polygons, const Pixels& like) {
  Pixels all{like.height, like.width, std::vector<std::uint8_t>(like.values.size())};
  fill(polygons, 1, all);
  return all;
}

TEST(Outline, ARectangleHasFourCorners) {
  const auto polygons = outlines(pixels({"....", ".##.", ".##.", "...."}));
  EXPECT_EQ(polygons,
            (std::vector<Polygon>{{{0.75, 0.25}, {0.75, 0.75}, {0.25, 0.75}, {0.25, 0.25}}}));
}

TEST(Outline, PartsThatTouchAtACornerAreTwo) {
  EXPECT_EQ(outlines(pixels({"#.", ".#"})).size(), 2U);
  EXPECT_EQ(outlines(pixels({"##", ".#"})).size(), 1U);
  EXPECT_TRUE(outlines(pixels({"..", ".."})).empty());
}

TEST(Outline, AHoleStaysOne) {
  const Pixels ring = pixels({"#####", "#...#", "#.#.#", "#...#", "#####"});
  const auto polygons = outlines(ring);
  EXPECT_EQ(polygons.size(), 2U);
  EXPECT_EQ(filled(polygons, ring).values, ring.values);
}

TEST(Outline, FillingGivesThePixelsBack) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    Pixels noise{static_cast<std::int64_t>(1 + random.below(12)),
                 static_cast<std::int64_t>(1 + random.below(12)),
                 {}};
    const std::uint64_t dense = 1 + random.below(4);
    for (std::int64_t i = 0; i < noise.height * noise.width; ++i) {
      noise.values.push_back(random.below(5) < dense ? 1 : 0);
    }
    const auto polygons = outlines(noise);
    EXPECT_EQ(filled(polygons, noise).values, noise.values) << seed;
    if (!polygons.empty()) {
      EXPECT_EQ(filled({joined(polygons)}, noise).values, noise.values) << seed;
    }
  }
}

TEST(Outline, ABoxHoldsThePixelsWhoseCentresItHolds) {
  Pixels all{2, 4, std::vector<std::uint8_t>(8)};
  fill(Box{0.25, 0.0, 0.8, 0.6}, 7, all);
  EXPECT_EQ(all.values, (std::vector<std::uint8_t>{0, 7, 7, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace lorae::data
