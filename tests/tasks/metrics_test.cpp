#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tasks/metrics/confusion.h"
#include "tasks/metrics/detection.h"

namespace lorae::tasks::metrics {
namespace {

using nlohmann::json;

json golden(const std::string& name) {
  std::ifstream stream(LORAE_GOLDEN "/vision/" + name + ".json");
  return json::parse(stream);
}

data::Box box_of(const json& row, std::size_t first) {
  return {row[first].get<double>(), row[first + 1].get<double>(), row[first + 2].get<double>(),
          row[first + 3].get<double>()};
}

std::vector<Judgement> boxes_of(const json& file) {
  std::vector<Judgement> pictures;
  for (const json& image : file.at("images")) {
    Judgement& picture = pictures.emplace_back();
    for (const json& row : image.at("gt[cls,x1,y1,x2,y2]")) {
      picture.truths.push_back({.label = row[0].get<std::int64_t>(), .box = box_of(row, 1)});
    }
    for (const json& row : image.at("det[cls,x1,y1,x2,y2,conf] sorted by conf")) {
      picture.found.push_back({row[0].get<std::int64_t>(), row[5].get<float>(), box_of(row, 1)});
    }
  }
  return pictures;
}

/// An ellipse in a picture of 48 x 48.
Rle ellipse(const json& row) {
  constexpr std::int64_t kSide = 48;
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < kSide; ++y) {
    for (std::int64_t x = 0; x < kSide; ++x) {
      const double dx =
          (static_cast<double>(x) + 0.5 - row[1].get<double>()) / row[3].get<double>();
      const double dy =
          (static_cast<double>(y) + 0.5 - row[2].get<double>()) / row[4].get<double>();
      pixels.push_back(dx * dx + dy * dy <= 1 ? 1 : 0);
    }
  }
  return data::encode_rows(pixels, kSide, kSide);
}

std::vector<Judgement> masks_of(const json& file) {
  std::vector<Judgement> pictures;
  for (const json& image : file.at("mask_map").at("images")) {
    Judgement& picture = pictures.emplace_back();
    for (const json& row : image.at("gt[cls,cx,cy,a,b]")) {
      picture.truths.push_back(
          {.label = row[0].get<std::int64_t>(), .box = {}, .mask = ellipse(row)});
    }
    for (const json& row : image.at("det[cls,cx,cy,a,b,conf]")) {
      picture.found.push_back({.label = row[0].get<std::int64_t>(),
                               .score = row[5].get<double>(),
                               .box = {},
                               .mask = ellipse(row)});
    }
  }
  return pictures;
}

DetectionMeter judged(const std::vector<Judgement>& pictures, DetectionOptions options) {
  DetectionMeter meter(options);
  for (const Judgement& picture : pictures) {
    meter.add(picture);
  }
  return meter;
}

std::string bits(const std::bitset<kThresholds>& right) {
  std::string text;
  for (std::size_t i = 0; i < kThresholds; ++i) {
    text += right[i] ? '1' : '0';
  }
  return text;
}

void expect_matrix(const DetectionScore& score, const json& matrix) {
  ASSERT_EQ(score.classes.size(), matrix.size());
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    for (std::size_t t = 0; t < kThresholds; ++t) {
      EXPECT_NEAR(score.classes[i].precision_at[t], matrix[i][t].get<double>(), 1e-9)
          << i << " " << t;
    }
  }
}

void expect_stats(const CocoStats& s, const json& wanted) {
  const std::vector<double> got{s.ap,  s.ap50, s.ap75,  s.ap_small, s.ap_medium, s.ap_large,
                                s.ar1, s.ar10, s.ar100, s.ar_small, s.ar_medium, s.ar_large};
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], wanted[i].get<double>(), 1e-9) << i;
  }
}

TEST(DetectionMeter, BoxesScoreAsUltralyticsHasIt) {
  const json file = golden("map_detection"), wanted = file.at("ultralytics");
  const auto pictures = boxes_of(file);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto matches =
        matched(pictures[i], overlaps_of(pictures[i], Shape::kBoxes, Protocol::kUltralytics),
                Shape::kBoxes, Protocol::kUltralytics);
    const json& lines = wanted.at("tp_per_image_10_thresholds")[i];
    ASSERT_EQ(matches.size(), lines.size());
    for (std::size_t j = 0; j < matches.size(); ++j) {
      EXPECT_EQ(bits(matches[j].right), lines[j].get<std::string>()) << i << " " << j;
    }
  }
  const DetectionScore score = judged(pictures, {}).score();
  expect_matrix(score, wanted.at("AP_matrix[class][iou .50:.05:.95]"));
  const auto near = [](double got, const json& value) {
    EXPECT_NEAR(got, value.get<double>(), 1e-9);
  };
  near(score.map50, wanted.at("mAP50"));
  near(score.map75, wanted.at("mAP75"));
  near(score.map50_95, wanted.at("mAP50-95"));
  near(score.precision, wanted.at("mean_precision"));
  near(score.recall, wanted.at("mean_recall"));
  for (std::size_t i = 0; i < score.classes.size(); ++i) {
    near(score.classes[i].precision, wanted.at("precision_at_max_f1")[i]);
    near(score.classes[i].recall, wanted.at("recall_at_max_f1")[i]);
    near(score.classes[i].f1, wanted.at("f1")[i]);
  }
}

TEST(DetectionMeter, BoxesScoreAsPycocotoolsHasIt) {
  const json file = golden("map_detection"), wanted = file.at("coco");
  const auto meter = judged(boxes_of(file), {.protocol = Protocol::kCoco, .stats = true});
  expect_matrix(meter.score(), wanted.at("AP_matrix[class][iou]"));
  expect_stats(meter.stats(),
               wanted.at("stats12[AP,AP50,AP75,APs,APm,APl,AR1,AR10,AR100,ARs,ARm,ARl]"));
}

TEST(DetectionMeter, BoxesScoreAsTheDevkitOfVocHasIt) {
  const json file = golden("map_detection");
  const auto eleven = judged(boxes_of(file), {.protocol = Protocol::kVoc07}).score();
  const auto exact = judged(boxes_of(file), {.protocol = Protocol::kVoc}).score();
  const json& wanted = file.at("voc_ap50[11pt,all]");
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(eleven.classes[i].map50(), wanted[i][0].get<double>(), 1e-9);
    EXPECT_NEAR(exact.classes[i].map50(), wanted[i][1].get<double>(), 1e-9);
  }
}

TEST(DetectionMeter, MasksScoreAsBothReferencesHaveIt) {
  const json file = golden("masks"), wanted = file.at("mask_map");
  const auto pictures = masks_of(file);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto overlaps =
        overlaps_of(pictures[i], Shape::kMasks, Protocol::kUltralytics, /*across_classes=*/true);
    const json& rows = wanted.at("images")[i].at("mask_iou[gt][det]");
    for (std::size_t truth = 0; truth < rows.size(); ++truth) {
      for (std::size_t j = 0; j < rows[truth].size(); ++j) {
        EXPECT_NEAR(overlaps.at(truth, j), rows[truth][j].get<double>(), 1e-6);
      }
    }
  }
  const auto score = judged(pictures, {.shape = Shape::kMasks}).score();
  expect_matrix(score, wanted.at("ultralytics").at("AP_matrix"));
  EXPECT_NEAR(score.map50, wanted.at("ultralytics").at("mAP50(M)").get<double>(), 1e-9);
  EXPECT_NEAR(score.map50_95, wanted.at("ultralytics").at("mAP50-95(M)").get<double>(), 1e-9);
  expect_stats(
      judged(pictures, {.shape = Shape::kMasks, .protocol = Protocol::kCoco, .stats = true})
          .stats(),
      wanted.at("coco_segm_stats12"));
}

TEST(Matching, CornersAreAsInTheReference) {
  const json cases = golden("nms_matching").at("match_corner_cases");
  for (const json& one : cases) {
    Judgement picture;
    for (const json& row : one.at("gt[cls,xyxy]")) {
      picture.truths.push_back({.label = row[0].get<std::int64_t>(), .box = box_of(row, 1)});
    }
    for (const json& row : one.at("det[cls,xyxy,conf]")) {
      picture.found.push_back({row[0].get<std::int64_t>(), row[5].get<float>(), box_of(row, 1)});
    }
    const auto matches =
        matched(picture, overlaps_of(picture, Shape::kBoxes, Protocol::kUltralytics), Shape::kBoxes,
                Protocol::kUltralytics);
    for (std::size_t i = 0; i < matches.size(); ++i) {
      EXPECT_EQ(bits(matches[i].right), one.at("tp")[i].get<std::string>()) << one.at("name");
    }
  }
}

TEST(AveragePrecision, OfCurvesIsTheReferences) {
  const json cases = golden("map_detection").at("compute_ap_cases");
  for (const json& one : cases) {
    const Curve curve{{},
                      one.at("recall").get<std::vector<double>>(),
                      one.at("precision").get<std::vector<double>>()};
    EXPECT_NEAR(average_precision(curve, Protocol::kUltralytics),
                one.at("ap_101_trapz").get<double>(), 1e-11);
  }
}

constexpr data::Box kBox{0, 0, 10, 10};

TEST(DetectionMeter, WhatIsIgnoredIsNeitherRightNorWrong) {
  const data::Box far{50, 50, 60, 60};
  const Judgement picture{{{0, 0.9, far}, {0, 0.8, far}, {0, 0.7, kBox}},
                          {{.label = 0, .box = kBox}, {.label = 0, .box = far, .ignored = true}}};
  for (const auto protocol : {Protocol::kCoco, Protocol::kVoc, Protocol::kVoc07}) {
    EXPECT_NEAR(judged({picture}, {.protocol = protocol}).score().map50, 1, 1e-12);
  }
  EXPECT_LT(judged({picture}, {}).score().map50, 0.5) << "Ultralytics drops such truths";
}

TEST(DetectionMeter, ACrowdIsCoveredByTheDetectionsArea) {
  const Judgement picture{
      {{0, 0.9, {0, 0, 10, 10}}, {0, 0.5, kBox}},
      {{.label = 0, .box = {0, 0, 100, 10}, .ignored = true}, {.label = 0, .box = kBox}}};
  const auto overlaps = overlaps_of(picture, Shape::kBoxes, Protocol::kCoco);
  EXPECT_DOUBLE_EQ(overlaps.at(0, 0), 1);
  EXPECT_NEAR(judged({picture}, {.protocol = Protocol::kCoco}).score().map50, 1, 1e-12)
      << "a detection goes for what counts first; the second is the crowd's";
}

TEST(DetectionMeter, ClassesWithoutTruthsDoNotCountAndThoseWithoutDetectionsAreZero) {
  const Judgement picture{{{0, 0.9, kBox}, {7, 0.9, kBox}},
                          {{.label = 0, .box = kBox}, {.label = 3, .box = kBox}}};
  for (const auto protocol : {Protocol::kUltralytics, Protocol::kCoco, Protocol::kVoc}) {
    const auto score = judged({picture}, {.protocol = protocol}).score();
    ASSERT_EQ(score.classes.size(), 2U);
    EXPECT_EQ(score.classes[1].label, 3);
    EXPECT_EQ(score.classes[1].map50_95(), 0);
    EXPECT_NEAR(score.map50, score.classes[0].map50() / 2, 1e-12);
  }
  EXPECT_TRUE(judged({}, {}).score().classes.empty());
  EXPECT_EQ(judged({{{}, {}}}, {}).score().map50, 0);
}

TEST(DetectionMeter, MasksMustBeThereAndFit) {
  const Rle small = data::encode_rows(std::vector<std::uint8_t>(4, 1), 2, 2);
  const Rle large = data::encode_rows(std::vector<std::uint8_t>(9, 1), 3, 3);
  DetectionMeter meter({.shape = Shape::kMasks});
  EXPECT_THROW(meter.add({{{0, 0.5, kBox}}, {}}), Error);
  EXPECT_THROW(meter.add({{{0, 0.5, kBox, small}}, {{.label = 0, .box = kBox}}}), Error);
  EXPECT_THROW(meter.add({{{0, 0.5, kBox, small}}, {{.label = 0, .box = kBox, .mask = large}}}),
               Error);
  EXPECT_THROW(meter.stats(), Error);
}

TEST(DetectionCurves, FallWithRecallAndKnowTheirClass) {
  const auto meter = judged(boxes_of(golden("map_detection")), {});
  const auto curves = meter.curves();
  ASSERT_EQ(curves.labels, (std::vector<std::int64_t>{0, 1, 2}));
  for (std::size_t i = 0; i < curves.labels.size(); ++i) {
    const auto& line = curves.precision_at_recall[i];
    EXPECT_TRUE(std::is_sorted(line.rbegin(), line.rend()));
    EXPECT_EQ(curves.over_confidence[i].f1.size(), kConfidences);
  }
}

TEST(ConfusionMatrix, CountsPairsAndWhatIsLeft) {
  ConfusionMatrix matrix(3);
  matrix.add({{{1, 0.9, kBox},               // the right place, another class
               {0, 0.8, {0, 0, 10, 8}},      // a second one there
               {2, 0.7, {50, 50, 60, 60}},   // nothing is there
               {0, 0.2, {80, 80, 90, 90}}},  // not sure enough
              {{.label = 0, .box = kBox},
               {.label = 2, .box = {20, 20, 30, 30}},
               {.label = 1, .box = {50, 50, 60, 58}, .ignored = true}}});
  EXPECT_EQ(matrix.at(1, 0), 1);
  EXPECT_EQ(matrix.at(0, 3), 1) << "found, but background";
  EXPECT_EQ(matrix.at(3, 2), 1) << "missed";
  EXPECT_EQ(matrix.at(2, 3) + matrix.at(2, 1), 0) << "its truth does not count";
  EXPECT_EQ(matrix.at(0, 0), 0);
  EXPECT_THROW(matrix.add({{{5, 0.9, kBox}}, {}}), Error);
}

}  // namespace
}  // namespace lorae::tasks::metrics
