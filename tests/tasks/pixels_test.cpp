#include "tasks/metrics/pixels.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tasks/metrics/detection.h"

namespace lorae::tasks::metrics {
namespace {

using Pixels = std::vector<std::uint8_t>;

TEST(PixelMeter, ComparesMapsPixelByPixel) {
  PixelMeter meter(2);
  EXPECT_EQ(meter.accuracy(), 0);
  EXPECT_EQ(meter.mean_iou(), 0);
  meter.add(Pixels{0, 0, 1, 1, 1, 2}, Pixels{0, 1, 1, 1, 0, kNotCounted});
  EXPECT_EQ(meter.pixels(), 5);
  EXPECT_DOUBLE_EQ(meter.accuracy(), 3.0 / 5);
  EXPECT_DOUBLE_EQ(meter.iou(0).value(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(meter.iou(1).value(), 2.0 / 4);
  EXPECT_FALSE(meter.iou(2).has_value()) << "no map has it where pixels count";
  EXPECT_DOUBLE_EQ(meter.mean_iou(), (1.0 / 3 + 1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(meter.mean_iou(false), 0.5);
  meter.add(Pixels{2}, Pixels{2});
  EXPECT_DOUBLE_EQ(meter.iou(2).value(), 1);
  EXPECT_THROW(meter.add(Pixels{0}, Pixels{0, 0}), Error);
  EXPECT_THROW(meter.add(Pixels{3}, Pixels{0}), Error);
}

//  1 . . 2
//  . 1 . 2
//  . . . 1
//  1 1 . .
const Pixels kMap{1, 0, 0, 2, 0, 1, 0, 2, 0, 0, 0, 1, 1, 1, 0, 0};
std::vector<float> rising() {
  std::vector<float> scores;
  for (int i = 0; i < 16; ++i) {
    scores.push_back(static_cast<float>(i) / 16);
  }
  return scores;
}

TEST(Things, TouchWithTheirCorners) {
  const auto scores = rising();
  const auto found = things({kMap, scores, 4, 4});
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].label, 0);
  EXPECT_EQ(found[0].box, (data::Box{0, 0, 2, 2}));
  EXPECT_NEAR(found[0].score, (0 + 5) / 32.0, 1e-7);
  EXPECT_EQ(found[1].box, (data::Box{0, 3, 2, 4}));
  EXPECT_EQ(found[2].box, (data::Box{3, 2, 4, 3}));
  EXPECT_EQ(found[3].label, 1);
  EXPECT_EQ(found[3].mask.counts, (std::vector<std::uint32_t>{12, 2, 2}));
  EXPECT_EQ(area(found[3].mask), 2);
  EXPECT_EQ(decode(found[0].mask), (Pixels{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(things({kMap, scores, 4, 4}, false, 2).size(), 3U) << "one has a single pixel";
}

TEST(Things, OfAClassMayBeOne) {
  const auto scores = rising();
  const auto found = things({kMap, scores, 4, 4}, /*joined=*/true);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(area(found[0].mask), 5);
  EXPECT_EQ(found[0].box, (data::Box{0, 0, 4, 4}));
  std::vector<Truth> truths;
  for (const Found& one : things({kMap, scores, 4, 4})) {
    truths.push_back({.label = one.label, .box = one.box, .mask = one.mask});
  }
  const auto one_each = joined_by_class(truths);
  ASSERT_EQ(one_each.size(), 2U);
  EXPECT_EQ(one_each[0].mask, found[0].mask);
  DetectionMeter meter({.shape = Shape::kMasks});
  meter.add({found, one_each});
  EXPECT_NEAR(meter.score().map50_95, 0.995, 1e-9);
}

TEST(Things, LettersThatCloseLateAreOneThing) {
  // A U: its arms are found to be one only at the bottom.
  const Pixels map{1, 0, 1, 1, 0, 1, 1, 1, 1};
  const std::vector<float> scores(9, 0.5F);
  ASSERT_EQ(things({map, scores, 3, 3}).size(), 1U);
  EXPECT_EQ(things({map, scores, 3, 3})[0].mask, data::encode_rows(map, 3, 3));
  EXPECT_THROW(things({map, scores, 2, 3}), Error);
}

}  // namespace
}  // namespace lorae::tasks::metrics
