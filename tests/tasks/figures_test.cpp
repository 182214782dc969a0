// What meters give pages to draw, by hand.
#include <gtest/gtest.h>

#include "tasks/detection_meter.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

using Pair = Confusion::Pair;

/// A square of 10 pixels, far from others.
data::Box box_at(double place) {
  return {20 * place, 0, 20 * place + 10, 10};
}

/// Class 0 is found at 0.9 and 0.3, and where nothing is at 0.6; class 1 is not found.
DetectionMeter example() {
  DetectionMeter meter(metrics::Protocol::kUltralytics, 2, false);
  meter.add(metrics::Judgement{.found = {{.label = 0, .score = 0.9, .box = box_at(0)},
                                         {.label = 0, .score = 0.6, .box = box_at(5)},
                                         {.label = 0, .score = 0.3, .box = box_at(1)},
                                         {.label = 0, .score = 0.2, .box = box_at(6)}},
                               .truths = {{.label = 0, .box = box_at(0)},
                                          {.label = 0, .box = box_at(1)},
                                          {.label = 1, .box = box_at(2)}}});
  return meter;
}

TEST(Figures, OfADetectorHaveItsCurves) {
  const Figures figures = example().figures();

  ASSERT_EQ(figures.curves.size(), 1U);
  const JudgedCurves& curves = figures.curves[0];
  EXPECT_EQ(curves.shape, "boxes");
  ASSERT_EQ(curves.classes.size(), 2U);
  const JudgedLines& first = curves.classes[0];
  constexpr std::size_t kPlaces = 112;
  ASSERT_EQ(first.f1.size(), kPlaces);
  ASSERT_EQ(first.precision_over_recall.size(), kPlaces);
  // One of one, one of two, two of three, two of four: at best 1 until recall 1/2, 2/3 from there.
  EXPECT_DOUBLE_EQ(first.precision_over_recall[0], 1);
  EXPECT_DOUBLE_EQ(first.precision_over_recall[55], 1);  // recall 0.495
  EXPECT_DOUBLE_EQ(first.precision_over_recall[56], 2.0 / 3);
  EXPECT_DOUBLE_EQ(first.precision_over_recall.back(), 2.0 / 3);
  // Linear between the detections' confidences.
  EXPECT_DOUBLE_EQ(first.precision.front(), 0.5);
  EXPECT_DOUBLE_EQ(first.recall.front(), 1);
  EXPECT_DOUBLE_EQ(first.precision.back(), 1);
  EXPECT_DOUBLE_EQ(first.recall.back(), 0);
  const double confidence = 83.0 / 111, part = (confidence - 0.6) / 0.3;
  EXPECT_NEAR(first.precision[83], part * 1 + (1 - part) * 0.5, 1e-9);
  EXPECT_NEAR(first.recall[83], 0.5, 1e-9);
  const double p = first.precision[83], r = first.recall[83];
  EXPECT_NEAR(first.f1[83], 2 * p * r / (p + r), 1e-9);

  EXPECT_EQ(curves.classes[1].label, 1);
  EXPECT_EQ(curves.classes[1].recall, std::vector<double>(kPlaces, 0)) << "never found";
  EXPECT_EQ(curves.mean.label, -1);
  EXPECT_DOUBLE_EQ(curves.mean.precision_over_recall[0], 0.5);
  EXPECT_DOUBLE_EQ(curves.mean.precision_over_recall.back(), 1.0 / 3);
  EXPECT_NEAR(curves.mean.f1[83], first.f1[83] / 2, 1e-12);
}

TEST(Figures, OfADetectorHaveTheConfusionOfItsBoxes) {
  const Confusion confusion = example().figures().confusion.value();

  EXPECT_EQ(confusion.counted, "objects");
  EXPECT_EQ(confusion.side(), 3);
  EXPECT_EQ(confusion.confidence, 0.25);
  EXPECT_EQ(confusion.pairs, (std::vector<Pair>{{0, 0, 2}, {0, 2, 1}, {2, 1, 1}}))
      << "two found, one where nothing is, one missed; 0.2 is not sure enough";
}

TEST(Figures, OfMasksComeFirst) {
  DetectionMeter meter(metrics::Protocol::kUltralytics, 2, true);
  const Figures figures = meter.figures();
  ASSERT_EQ(figures.curves.size(), 2U);
  EXPECT_EQ(figures.curves[0].shape, "masks");
  EXPECT_TRUE(figures.curves[0].mean.f1.empty()) << "nothing was shown";
}

TEST(Figures, OfAClassifierSayWhatWasTakenForWhat) {
  const auto meter = make_task("classification", {.classes = 3})->meter();
  const auto batch = [](std::vector<std::int64_t> labels) {
    return data::Batch{.images = {},
                       .labels = torch::tensor(labels, torch::kInt64),
                       .indices = std::vector<std::int64_t>(labels.size())};
  };
  meter->add({torch::tensor({{2.0, 0.0, 0.0}, {0.0, 2.0, 0.0}, {0.0, 3.0, 0.0}})},
             batch({0, 0, 0}));
  meter->add({torch::tensor({{0.0, 0.0, 2.0}})}, batch({2}));

  const Figures figures = figures_of(*meter, {"a", "b", "c"});

  EXPECT_EQ(figures.confusion->counted, "pictures");
  EXPECT_EQ(figures.confusion->side(), 3);
  EXPECT_EQ(figures.confusion->pairs, (std::vector<Pair>{{0, 0, 1}, {1, 0, 2}, {2, 2, 1}}));
  EXPECT_EQ(figures.metrics.find("top1"), 0.5);
  EXPECT_EQ(figures.by_class.at(0).images, 3);
  EXPECT_EQ(figures.classes.at(2), "c");
  EXPECT_TRUE(figures.curves.empty());
}

TEST(Figures, OfPixelsHaveTheBackgroundLast) {
  const auto meter = make_task("semantic", {.classes = 2})->meter();
  Predictions predictions;
  predictions.pixels.classes = torch::tensor({{{0, 1, 1, 2}}}, torch::kUInt8);
  data::Batch batch{.images = {}, .labels = torch::zeros({1}, torch::kInt64), .indices = {0}};
  batch.masks = torch::tensor({{{0, 1, 2, 255}}}, torch::kUInt8);
  meter->add(predictions, batch);

  const Confusion confusion = meter->figures().confusion.value();

  EXPECT_EQ(confusion.counted, "pixels");
  EXPECT_EQ(confusion.pairs, (std::vector<Pair>{{0, 0, 1}, {0, 1, 1}, {2, 2, 1}}));
}

/// Boxes with a fraction of 6.5 / 13.5 in common, by their borders; VOC's devkit would have 7.5 /
/// 14.5 if it were given borders for pixels.
TEST(VocJudgement, CountsEachPixelOnce) {
  const data::Box truth{0, 0, 10, 10}, found{3.5, 0, 13.5, 10}, nearer{3, 0, 13, 10};
  const auto map50 = [&](const data::Box& box, metrics::Protocol protocol) {
    DetectionMeter meter(protocol, 1, false);
    meter.add({.found = {{.label = 0, .score = 0.9, .box = box}},
               .truths = {{.label = 0, .box = truth}}});
    return meter.result().find("map50").value();
  };
  for (const auto protocol : {metrics::Protocol::kVoc, metrics::Protocol::kVoc07}) {
    EXPECT_EQ(map50(found, protocol), 0.0);
    EXPECT_GT(map50(nearer, protocol), 0.9);
  }
}

}  // namespace
}  // namespace lorae::tasks
