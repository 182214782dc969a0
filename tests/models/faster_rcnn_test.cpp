#include "models/nets/faster_rcnn/faster_rcnn.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"
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

  /// The reference's detector, which `model` owns. Training looks at every anchor and region.
  FasterRcnn& detector(c10::ScalarType type, bool frozen_norm = true) {
    auto network =
        std::make_unique<FasterRcnn>(FasterRcnnOptions{.classes = 21,
                                                       .frozen_norm = frozen_norm,
                                                       .min_size = 128,
                                                       .max_size = 192,
                                                       .score_threshold = 0.04,
                                                       .anchor_samples = {1'000'000, 0.5},
                                                       .region_samples = {1'000'000, 0.5}});
    FasterRcnn& built = *network;
    model.emplace(ModelOptions{.name = "fasterrcnn_resnet50_fpn", .classes = 21, .channels = 3},
                  std::move(network), Seed{1});
    testing::fill_by_formula_(*model, golden.at("gain").get<double>());
    model->to(type);
    return built;
  }

  static std::vector<at::Tensor> images(c10::ScalarType type) {
    return {formula_tensor("input0", {3, 90, 120}, 0, 1).to(type),
            formula_tensor("input1", {3, 100, 80}, 0, 1).to(type)};
  }

  /// Detections in both images of the reference, in `type`.
  std::vector<Detections> detect(c10::ScalarType type) {
    FasterRcnn& network = detector(type);
    network.observer = [this](const std::string& layer, const at::Tensor& value) {
      values[layer] = value.clone();
    };
    return network.detect(images(type));
  }

  std::vector<rcnn::Objects> targets() const {
    std::vector<rcnn::Objects> all;
    for (const json& image : golden.at("train_all_sampled").at("targets")) {
      std::vector<double> flat;
      for (const json& box : image.at("boxes")) {
        const auto corners = box.get<std::vector<double>>();
        flat.insert(flat.end(), corners.begin(), corners.end());
      }
      all.push_back({torch::tensor(flat, at::kDouble).view({-1, 4}),
                     torch::tensor(image.at("labels").get<std::vector<std::int64_t>>())});
    }
    return all;
  }

  std::optional<Model> model;

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

TEST_F(FasterRcnnGolden, LossesAndGradientsAreTheReferences) {
  FasterRcnn& network = detector(c10::kDouble);
  std::map<std::string, at::Tensor> state;
  for (const NamedTensor& entry : model->state()) {
    const bool trained = entry.kind == TensorKind::kParameter &&
                         entry.name.find("body.conv1") == std::string::npos &&
                         entry.name.find("layer1") == std::string::npos;
    state[entry.name] = entry.tensor.set_requires_grad(trained);
  }
  const auto [objectness, proposals, classes, boxes] =
      network.losses(images(c10::kDouble), targets(), Seed{1});
  const json& wanted = golden.at("train_all_sampled");
  const auto near = [](double got, const json& value, double tolerance = 1e-9) {
    EXPECT_NEAR(got, value.get<double>(), tolerance * value.get<double>());
  };
  // torchvision adds it up in float32, whatever the model's type is.
  near(objectness.item<double>(), wanted.at("losses").at("loss_objectness"), 1e-7);
  near(proposals.item<double>(), wanted.at("losses").at("loss_rpn_box_reg"));
  near(classes.item<double>(), wanted.at("losses").at("loss_classifier"));
  near(boxes.item<double>(), wanted.at("losses").at("loss_box_reg"));
  (objectness + proposals + classes + boxes).backward();
  for (const auto& [name, sum] : wanted.at("grad_abs_sum").items()) {
    SCOPED_TRACE(name);
    near(state.at(name).grad().abs().sum().item<double>(), sum);
  }
  EXPECT_FALSE(state.at("backbone.body.layer1.0.conv1.weight").grad().defined());
}

TEST_F(FasterRcnnGolden, LearnsWithABatchNormThatIsTrained) {
  FasterRcnn& network = detector(c10::kFloat, /*frozen_norm=*/false);
  model->set_batch_norm_learning(true);
  model->set_training(Seed{1});
  model->train_only(model->weights());
  auto objects = targets();
  objects[1] = {torch::empty({0, 4}), torch::empty({0}, at::kLong)};  // an empty image
  const auto total = [&](Seed seed) {
    const auto losses = network.losses(images(c10::kFloat), objects, seed);
    return losses.objectness + losses.proposals + losses.classes + losses.boxes;
  };
  const at::Tensor first = total(Seed{1});
  first.backward();
  for (const auto& [name, weight] : model->weights()) {
    ASSERT_TRUE(weight.grad().defined()) << name;
    EXPECT_TRUE(weight.grad().isfinite().all().item<bool>()) << name;
  }
  objects.pop_back();
  EXPECT_THROW(total(Seed{1}), Error);
  objects = targets();
  objects[0].labels[0] = 21;
  EXPECT_THROW(total(Seed{1}), Error);
  objects = targets();
  objects[0].boxes[0][2] = 10.0;
  EXPECT_THROW(total(Seed{1}), Error);
}

TEST(RegionMatches, AreByOverlapAndTheBestOfAnObject) {
  const at::Tensor objects = torch::tensor({{0., 0., 10., 10.}, {20., 0., 30., 10.}});
  const at::Tensor boxes = torch::tensor({{0., 0., 10., 9.},      // 0.9
                                          {0., 0., 10., 5.},      // 0.5
                                          {20., 0., 30., 2.},     // 0.2, the best of the second
                                          {0., 0., 10., 2.},      // 0.2
                                          {40., 0., 50., 10.}});  // 0
  const auto match = [&](const rcnn::MatchOptions& options) {
    return rcnn::matches(boxes, objects, options);
  };
  EXPECT_TRUE(match({0.7, 0.3}).equal(torch::tensor({0, -2, -1, -1, -1}, at::kLong)));
  EXPECT_TRUE(match({0.7, 0.3, true}).equal(torch::tensor({0, -2, 1, -1, -1}, at::kLong)));
  EXPECT_TRUE(rcnn::matches(boxes, objects.slice(0, 0, 0), {0.7, 0.3, true})
                  .equal(torch::full({5}, -1, at::kLong)));
  const at::Tensor far = torch::tensor({{90., 90., 95., 95.}});
  EXPECT_TRUE(rcnn::matches(boxes, far, {0.7, 0.3, true}).lt(0).all().item<bool>())
      << "nothing overlaps it";
}

TEST(RegionSamples, AreDrawnFromTheSeedAlone) {
  at::Tensor match = torch::full({1000}, rcnn::kNegative, at::kLong);
  match.slice(0, 0, 100).fill_(3);
  match.slice(0, 100, 200).fill_(rcnn::kBetween);
  const auto draw = [&](std::int64_t count, double positive, std::uint64_t seed) {
    return rcnn::sampled(match, {count, positive}, Random(seed));
  };
  const auto some = draw(64, 0.25, 1);
  EXPECT_EQ(some.all.size(), 64U);
  EXPECT_EQ(some.positive.size(), 16U);
  EXPECT_TRUE(std::is_sorted(some.all.begin(), some.all.end()));
  EXPECT_EQ(std::set<std::int64_t>(some.all.begin(), some.all.end()).size(), 64U);
  for (const std::int64_t i : some.all) {
    EXPECT_TRUE(i < 100 || i >= 200);
  }
  EXPECT_EQ(draw(64, 0.25, 1).all, some.all);
  EXPECT_NE(draw(64, 0.25, 2).all, some.all);
  EXPECT_EQ(draw(5000, 0.5, 1).all.size(), 900U) << "there are no more";
  EXPECT_EQ(draw(500, 0.5, 1).positive.size(), 100U) << "negative ones fill up";
}

TEST(Boxes, EncodingUndoesDecoding) {
  torch::manual_seed(4);
  const at::Tensor low = torch::rand({50, 2}, at::kDouble) * 100;
  const at::Tensor anchors = at::cat({low, low + 1 + torch::rand({50, 2}, at::kDouble) * 50}, 1);
  const at::Tensor regressions = torch::rand({50, 4}, at::kDouble) * 2 - 1;
  const ops::BoxWeights weights{10, 10, 5, 5};
  const at::Tensor boxes = ops::decode_boxes(anchors, regressions, weights);
  EXPECT_LT((ops::encode_boxes(anchors, boxes, weights) - regressions).abs().max().item<double>(),
            1e-11);
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

TEST(Boxes, NmsEndsWhenAsManyAreKeptAsAreWanted) {
  torch::manual_seed(3);
  // More than one block of a device's NMS; 2 boxes of 3 are copies of ones that come first.
  const at::Tensor boxes = random_boxes(2000).repeat({3, 1}) * 40;
  const at::Tensor scores = torch::arange(6000, 0, -1, at::kDouble);
  const at::Tensor groups = torch::zeros({6000}, at::kLong);
  const at::Tensor all = ops::nms(boxes, scores, groups, 0.9);
  ASSERT_GT(all.size(0), 100);
  EXPECT_TRUE(ops::kept_on_device(boxes, groups, 0.9).equal(all));
  for (const std::int64_t most : {std::int64_t{1}, std::int64_t{100}, all.size(0)}) {
    EXPECT_TRUE(ops::nms(boxes, scores, groups, 0.9, most).equal(all.slice(0, 0, most)));
    EXPECT_TRUE(ops::kept_on_device(boxes, groups, 0.9, most).equal(all.slice(0, 0, most)));
  }
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
  const at::Tensor slope = torch::rand({150, 3, 7, 7}, at::kDouble);
  (ops::roi_align_anywhere(leaf, boxes, 0.5, 7) * slope).sum().backward();
  const at::Tensor other = map.clone().set_requires_grad(true);
  (ops::roi_align(other, boxes, 0.5, 7) * slope).sum().backward();
  EXPECT_GT(leaf.grad().abs().sum().item<double>(), 0);
  EXPECT_LT((leaf.grad() - other.grad()).abs().max().item<double>(), 1e-12);
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

TEST(Boxes, BoxesThatAreNoneAlignWithNothing) {
  const double nan = std::nan("");
  const at::Tensor boxes =
      torch::tensor({{nan, 0., 5., 5.}, {1e30, 1e30, 2e30, 2e30}}, at::kDouble);
  const at::Tensor map = torch::ones({2, 4, 4}, at::kDouble).set_requires_grad(true);
  const at::Tensor got = ops::roi_align(map, boxes, 1, 7);
  EXPECT_EQ(got.abs().sum().item<double>(), 0);
  got.sum().backward();
  EXPECT_EQ(map.grad().abs().sum().item<double>(), 0);
}

TEST(Boxes, AnEmptySetOfBoxesAligns) {
  EXPECT_EQ(ops::roi_align(torch::ones({2, 4, 4}), torch::empty({0, 4}), 1, 7).sizes(),
            (std::vector<std::int64_t>{0, 2, 7, 7}));
}

}  // namespace
}  // namespace lorae::models
