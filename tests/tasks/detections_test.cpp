#include "tasks/vision/detections.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tasks/metrics/draw.h"
#include "tasks/vision/judged.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::tasks::vision {
namespace {

using models::testing::formula_tensor;
using nlohmann::json;

json golden(const std::string& name) {
  std::ifstream stream(LORAE_GOLDEN "/vision/" + name + ".json");
  return json::parse(stream);
}

class NmsGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(NmsGolden, KeepsTheReferencesBoxesInItsOrder) {
  const std::string name = GetParam();
  const json file = golden("nms_matching").at("nms").at(name);
  const auto images = file.at("B").get<std::int64_t>(), classes = file.at("nc").get<std::int64_t>();
  const auto anchors = file.at("A").get<std::int64_t>(), masks = file.at("nm").get<std::int64_t>();
  const auto size = file.at("size").get<double>();
  std::vector<at::Tensor> parts{formula_tensor(name + ".xy", {images, 2, anchors}, 0, size),
                                formula_tensor(name + ".wh", {images, 2, anchors}, 4, size / 3),
                                formula_tensor(name + ".cls", {images, classes, anchors}, 0, 1)
                                    .to(at::kFloat)
                                    .pow(3)
                                    .to(at::kDouble)};
  if (masks > 0) {
    parts.push_back(formula_tensor(name + ".mask", {images, masks, anchors}, -1, 1));
  }
  const json& arguments = file.at("args");
  const auto kept = kept_detections(at::cat(parts, 1).to(at::kFloat), classes,
                                    {.confidence = arguments.at("conf_thres").get<double>(),
                                     .overlap = arguments.at("iou_thres").get<double>(),
                                     .most = arguments.at("max_det").get<std::int64_t>(),
                                     .every_class = arguments.at("multi_label").get<bool>(),
                                     .across_classes = arguments.value("agnostic", false)});
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Detections& one = kept[i];
    ASSERT_EQ(one.scores.size(0), file.at("kept")[i].get<std::int64_t>());
    EXPECT_EQ(one.coefficients.size(1), masks);
    const at::Tensor rows = at::cat({one.boxes, one.scores.unsqueeze(1),
                                     one.labels.unsqueeze(1).to(at::kFloat), one.coefficients},
                                    1)
                                .to(at::kDouble);
    EXPECT_NEAR(rows.sum().item<double>(), file.at("sum")[i].get<double>(), 1e-3);
    const json& first = file.at("first8[x1,y1,x2,y2,conf,cls]")[i];
    for (std::size_t row = 0; row < first.size(); ++row) {
      for (std::size_t column = 0; column < 6; ++column) {
        EXPECT_NEAR(
            rows[static_cast<std::int64_t>(row)][static_cast<std::int64_t>(column)].item<double>(),
            first[row][column].get<double>(), 2e-5);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         NmsGolden,
                         ::testing::Values("nms_val",
                                           "nms_maxdet",
                                           "nms_predict",
                                           "nms_iou45_agnostic",
                                           "nms_single_class",
                                           "nms_seg"),
                         [](const auto& test) { return test.param; });

TEST(KeptDetections, LooksAtTheBestOfTooMany) {
  torch::manual_seed(5);
  const at::Tensor decoded =
      at::cat({torch::rand({1, 4, 500}) * 100 + 1, torch::rand({1, 3, 500})}, 1);
  const auto all = kept_detections(decoded, 3)[0];
  const auto some = kept_detections(decoded, 3, {.among = 50})[0];
  const std::int64_t count = some.scores.size(0);
  ASSERT_GT(count, 10);
  ASSERT_LE(count, 50);
  EXPECT_TRUE(some.boxes.equal(all.boxes.slice(0, 0, count)));
  EXPECT_EQ(kept_detections(decoded, 3, {.confidence = 1})[0].boxes.size(0), 0);
  lorae::testing::expect_error(
      ErrorCode::kInvalidArgument, [&] { kept_detections(decoded, 4); }, "expected boxes");
}

TEST(InPicture, UndoesTheLetterbox) {
  const data::Placement placement{
      .picture = {60, 80}, .scale_x = 0.5, .scale_y = 0.5, .left = 10, .top = 0};
  const at::Tensor boxes = torch::tensor({{10., 0., 30., 10.}, {0., -5., 60., 40.}});
  EXPECT_TRUE(
      in_picture(boxes, placement).equal(torch::tensor({{0., 0., 40., 20.}, {0., 0., 80., 60.}})));
}

TEST(Masks, AreTheReferences) {
  const json file = golden("masks").at("process_mask");
  const at::Tensor proto = formula_tensor("pm.proto", {4, 16, 24}, -1, 1).to(at::kFloat);
  const at::Tensor coefficients = formula_tensor("pm.coef", {3, 4}, -2, 2).to(at::kFloat);
  std::vector<float> corners;
  for (const json& box : file.at("boxes_xyxy_input_pixels")) {
    for (const json& value : box) {
      corners.push_back(value.get<float>());
    }
  }
  const at::Tensor boxes = torch::tensor(corners).view({-1, 4});
  const auto expect_counts = [&](const at::Tensor& masks, const char* name) {
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(masks[i].sum().item<std::int64_t>(),
                file.at(name)[static_cast<std::size_t>(i)].get<std::int64_t>())
          << name << " " << i;
    }
  };
  const at::Tensor small = masks_at_prototypes(coefficients, proto, boxes, {64, 96});
  expect_counts(small, "fast(proto resolution) pixel counts");
  const json& lines = file.at("fast mask 0 rows");
  for (std::int64_t y = 0; y < 16; ++y) {
    std::string line;
    for (std::int64_t x = 0; x < 24; ++x) {
      line += small[0][y][x].item<bool>() ? '1' : '0';
    }
    EXPECT_EQ(line, lines[static_cast<std::size_t>(y)].get<std::string>());
  }
  expect_counts(masks_of_image(coefficients, proto, boxes, {64, 96}),
                "upsampled to input pixel counts");
  expect_counts(masks_of_picture(coefficients, proto, boxes, {60, 90}),
                "native to 60x90 pixel counts");
}

TEST(Masks, AsRunsAreThoseOfPixels) {
  torch::manual_seed(6);
  const at::Tensor proto = torch::randn({8, 20, 32}), coefficients = torch::randn({12, 8});
  for (const data::PictureSize picture : {data::PictureSize{60, 90}, {111, 90}, {17, 40}}) {
    const auto width = static_cast<double>(picture.width);
    const auto height = static_cast<double>(picture.height);
    at::Tensor boxes = torch::rand({12, 4});
    boxes.slice(1, 2, 4) += boxes.slice(1, 0, 2);
    boxes = boxes * torch::tensor({width, height, width, height}, at::kFloat) * 0.7 - 5;
    const at::Tensor masks = masks_of_picture(coefficients, proto, boxes, picture);
    const auto wanted = runs_of(masks), got = runs_in_picture(coefficients, proto, boxes, picture);
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(data::area(wanted[i]),
                masks[static_cast<std::int64_t>(i)].sum().item<std::int64_t>());
      const std::int64_t both = data::intersection(got[i], wanted[i]);
      EXPECT_LE(data::area(got[i]) + data::area(wanted[i]) - 2 * both, 2);
    }
  }
}

TEST(Judged, DetectionsAndObjectsBecomeWhatMetricsKnow) {
  const Detections detections{
      torch::tensor({{1., 2., 3., 4.}}), torch::tensor({0.5}), torch::tensor({7}), {}};
  const auto runs = runs_of(torch::ones({1, 4, 4}, at::kByte));
  const auto found = found_of(detections, runs);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].label, 7);
  EXPECT_EQ(found[0].box, (data::Box{1, 2, 3, 4}));
  EXPECT_EQ(found[0].mask, runs[0]);
  EXPECT_TRUE(found_of(detections)[0].mask.empty());
  const auto truths = truths_of({{.label = 2, .box = {0.25, 0.5, 0.5, 1}, .ignored = true},
                                 {.label = 1,
                                  .box = {0, 0, 1, 0.5},
                                  .polygons = {{{0, 0}, {0.5, 0}, {0.5, 0.5}, {0, 0.5}},
                                               {{0.75, 0}, {1, 0}, {1, 0.5}, {0.75, 0.5}}}}},
                                {8, 16}, /*masks=*/true);
  EXPECT_EQ(truths[0].box, (data::Box{4, 4, 8, 8}));
  EXPECT_TRUE(truths[0].ignored);
  EXPECT_EQ(data::area(truths[0].mask), 16) << "without an outline, its box";
  EXPECT_EQ(data::area(truths[1].mask), 8 * 4 + 4 * 4);
  lorae::testing::expect_error(
      ErrorCode::kInvalidArgument,
      [&] {
        found_of(detections, {runs[0], runs[0]});
      },
      "expected 1 masks");
}

/// 5 x + 0.5 is a whole number for x.1, x.3, ...: a last bit would move the outline by a cell.
TEST(Judged, ObjectsHaveThePixelsThatTheirFileSaid) {
  for (std::int64_t side = 100; side < 300; ++side) {
    const auto whole = static_cast<double>(side);
    const data::Polygon pixels{{12.7, 3.1}, {70.3, 8.9}, {61.5, 66.7}, {9.9, 71.3}};
    data::Polygon fractions = pixels;
    for (data::Point& point : fractions) {
      point = {std::nearbyint(point.x / whole * 0x1p31) / 0x1p31,
               std::nearbyint(point.y / whole * 0x1p31) / 0x1p31};
    }
    const data::Box box{9.9 / whole, 3.1 / whole, 70.3 / whole, 71.3 / whole};
    const auto truths = truths_of({{.label = 0, .box = box, .polygons = {fractions}}}, {side, side},
                                  /*masks=*/true);
    EXPECT_EQ(truths[0].box, (data::Box{9.9, 3.1, 70.3, 71.3}));
    EXPECT_EQ(truths[0].mask, metrics::drawn(pixels, side, side)) << side;
  }
}

TEST(Masks, OfNothingAreNone) {
  const at::Tensor proto = torch::rand({4, 16, 24});
  EXPECT_EQ(masks_of_picture(torch::empty({0, 4}), proto, torch::empty({0, 4}), {60, 90}).sizes(),
            (std::vector<std::int64_t>{0, 60, 90}));
  EXPECT_EQ(masks_of_image(torch::empty({0, 4}), proto, torch::empty({0, 4}), {64, 96}).sizes(),
            (std::vector<std::int64_t>{0, 64, 96}));
  lorae::testing::expect_error(
      ErrorCode::kInvalidArgument,
      [&] {
        masks_at_prototypes(torch::empty({0, 3}), proto, torch::empty({0, 4}), {64, 96});
      },
      "do not fit");
}

}  // namespace
}  // namespace lorae::tasks::vision
