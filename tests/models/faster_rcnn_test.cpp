#include "models/nets/faster_rcnn.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ops/boxes.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"

namespace lorae::models {
namespace {

using nlohmann::json;
using testing::expect_summary;
using testing::formula_tensor;

class FasterRcnnGolden : public ::testing::Test {
 protected:
  FasterRcnnGolden() {
    std::ifstream stream(LORAE_GOLDEN "/models/model_fasterrcnn_resnet50_fpn.json");
    golden = json::parse(stream);
  }

  /// Detections in both images of the reference, in `type`.
  std::vector<Detections> detect(c10::ScalarType type) {
    auto network = std::make_unique<FasterRcnn>(FasterRcnnOptions{
        .classes = 21, .min_size = 128, .max_size = 192, .score_threshold = 0.04});
    FasterRcnn& detector = *network;
    Model model({.name = "fasterrcnn_resnet50_fpn", .classes = 21, .channels = 3},
                std::move(network), Seed{1});
    testing::fill_by_formula_(model, golden.at("gain").get<double>());
    model.to(type);
    detector.observer = [this](const std::string& layer, const at::Tensor& value) {
      values[layer] = value.clone();
    };
    return detector.detect({formula_tensor("input0", {3, 90, 120}, 0, 1).to(type),
                            formula_tensor("input1", {3, 100, 80}, 0, 1).to(type)});
  }

  json golden;
  std::map<std::string, at::Tensor> values;
};

TEST_F(FasterRcnnGolden, EveryStageIsTheReferencesInDoublePrecision) {
  const auto found = detect(c10::kDouble);

  expect_summary(golden.at("transformed_batch"), values.at("transformed_batch"));
  for (const char* level : {"0", "1", "2", "3", "pool"}) {
    SCOPED_TRACE(level);
    expect_summary(golden.at("fpn").at(level), values.at(std::string("fpn.") + level));
  }
  const std::int64_t proposals =
      golden.at("proposals_count")[0].get<int>() + golden.at("proposals_count")[1].get<int>();
  ASSERT_EQ(values.at("proposals").size(0), proposals);
  const double sum =
      golden.at("proposals_sum")[0].get<double>() + golden.at("proposals_sum")[1].get<double>();
  EXPECT_NEAR(values.at("proposals").sum().item<double>(), sum, 1e-9 * sum);
  for (const char* layer : {"class_logits", "box_regression"}) {
    SCOPED_TRACE(layer);
    expect_summary(golden.at(layer), values.at(layer));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    SCOPED_TRACE(i);
    const json& expected = golden.at("detections")[i];
    ASSERT_EQ(found[i].boxes.size(0), expected.at("n").get<std::int64_t>());
    const auto near = [](const at::Tensor& got, double value) {
      EXPECT_NEAR(got.sum().item<double>(), value, 1e-9 * std::abs(value));
    };
    near(found[i].boxes, expected.at("boxes_sum").get<double>());
    near(found[i].scores, expected.at("scores_sum").get<double>());
    EXPECT_EQ(found[i].labels.sum().item<std::int64_t>(), expected.at("labels_sum"));
  }
}

TEST_F(FasterRcnnGolden, FindsAsManyInSinglePrecision) {
  const auto found = detect(c10::kFloat);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].boxes.size(0), golden.at("float32_detection_counts")[i].get<int>());
  }
}

TEST(Boxes, NmsKeepsTheBestOfEachGroup) {
  const at::Tensor boxes = torch::tensor({{0., 0., 10., 10.},
                                          {1., 0., 10., 10.},
                                          {0., 0., 10., 10.},
                                          {20., 20., 30., 30.},
                                          {0., 0., 5., 10.}});
  const at::Tensor scores = torch::tensor({0.8, 0.9, 0.7, 0.1, 0.6});
  const at::Tensor groups = torch::tensor({0, 0, 1, 0, 0}, at::kLong);
  // Boxes 1 and 4 share 40 of 100 pixels: 0.4 is not over 0.4.
  EXPECT_TRUE(ops::nms(boxes, scores, groups, 0.39).equal(torch::tensor({1, 2, 3}, at::kLong)));
  EXPECT_TRUE(ops::nms(boxes, scores, groups, 0.4).equal(torch::tensor({1, 2, 4, 3}, at::kLong)));
  EXPECT_EQ(
      ops::nms(boxes.slice(0, 0, 0), scores.slice(0, 0, 0), groups.slice(0, 0, 0), 0.5).size(0), 0);
}

/// Boxes of which many overlap, some have no size, and some lie outside of a 20 x 30 map.
at::Tensor random_boxes(std::int64_t count) {
  const at::Tensor corner = torch::rand({count, 2}, at::kDouble) * 40 - 6;
  const at::Tensor side = (torch::rand({count, 2}, at::kDouble) * 16 - 1).clamp_min(0);
  return at::cat({corner, corner + side}, 1);
}

TEST(Boxes, NmsOfADeviceKeepsTheSame) {
  torch::manual_seed(1);
  const at::Tensor boxes = random_boxes(400), scores = torch::rand({400}, at::kDouble);
  const at::Tensor groups = torch::randint(0, 3, {400}, at::kLong);
  for (const double threshold : {0.0, 0.1, 0.5, 0.9}) {
    const at::Tensor order = std::get<1>(scores.sort(0, /*descending=*/true));
    const at::Tensor kept =
        ops::kept_on_device(boxes.index_select(0, order), groups.index_select(0, order), threshold);
    const at::Tensor wanted = ops::nms(boxes, scores, groups, threshold);
    EXPECT_TRUE(order.index_select(0, kept).equal(wanted)) << threshold;
    EXPECT_EQ(wanted.size(0) < 400, threshold < 0.9) << threshold;
  }
  EXPECT_EQ(ops::kept_on_device(boxes.slice(0, 0, 0), groups.slice(0, 0, 0), 0.5).size(0), 0);
}

TEST(Boxes, RoiAlignByProductsIsTheSame) {
  torch::manual_seed(2);
  const at::Tensor map = torch::rand({3, 20, 30}, at::kDouble), boxes = random_boxes(150);
  for (const double scale : {1.0, 0.5}) {
    const at::Tensor wanted = ops::roi_align(map, boxes, scale, 7);
    EXPECT_LT((ops::roi_align_anywhere(map, boxes, scale, 7) - wanted).abs().max().item<double>(),
              1e-12);
  }
  const at::Tensor leaf = map.clone().set_requires_grad(true);
  ops::roi_align_anywhere(leaf, boxes, 1, 7).sum().backward();
  EXPECT_GT(leaf.grad().abs().sum().item<double>(), 0);
  EXPECT_EQ(ops::roi_align_anywhere(map, boxes.slice(0, 0, 0), 1, 7).sizes(),
            (std::vector<std::int64_t>{0, 3, 7, 7}));
}

TEST(Boxes, RoiAlignOfALinearMapIsLinear) {
  // Bilinear samples of x + 10 y are exact, so a cell is the value at its centre.
  const at::Tensor x = torch::arange(16, at::kDouble);
  const at::Tensor map = (x.view({1, 1, 16}) + 10 * x.view({1, 16, 1})).contiguous();
  const at::Tensor boxes = torch::tensor({{4., 8., 18., 22.}}, at::kDouble);
  const at::Tensor got = ops::roi_align(map, boxes, 0.5, 7);
  ASSERT_EQ(got.sizes(), (std::vector<std::int64_t>{1, 1, 7, 7}));
  EXPECT_NEAR(got[0][0][0][0].item<double>(), 2.5 + 10 * 4.5, 1e-12);
  EXPECT_NEAR(got[0][0][6][3].item<double>(), 5.5 + 10 * 10.5, 1e-12);
}

TEST(Boxes, AnEmptySetOfBoxesAligns) {
  EXPECT_EQ(ops::roi_align(torch::ones({2, 4, 4}), torch::empty({0, 4}), 1, 7).sizes(),
            (std::vector<std::int64_t>{0, 2, 7, 7}));
}

}  // namespace
}  // namespace lorae::models
