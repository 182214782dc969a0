#include "tasks/vision/yolo_loss.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tasks/vision/ciou.h"
#include "tasks/vision/mask_loss.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::tasks::vision {
namespace {

using lorae::testing::expect_error;
using models::testing::formula_tensor;
using models::yolo::HeadMaps;
using nlohmann::json;

json golden(const std::string& name) {
  std::ifstream stream(LORAE_GOLDEN "/vision/" + name + ".json");
  return json::parse(stream);
}

void expect_near(double got, const json& wanted, double tolerance = 1e-9) {
  const auto value = wanted.get<double>();
  EXPECT_NEAR(got, value, tolerance * std::max(std::abs(value), 1.0));
}

// The reference computes its mask loss from float32 masks and areas, whatever the model's type is.
constexpr double kMaskTolerance = 2e-7;

double absolute_sum(const at::Tensor& t) {
  return t.abs().sum().item<double>();
}

/// A case of losses_yolo.json: heads by formula, targets as it has them.
struct Case {
  explicit Case(const json& case_of) : file(case_of) {
    const auto& size = file.at("imgsz_hw");
    height = size[0].get<std::int64_t>();
    width = size[1].get<std::int64_t>();
    const auto images = file.at("B").get<std::int64_t>();
    const std::int64_t channels = 64 + file.at("nc").get<std::int64_t>();
    std::int64_t anchors = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::int64_t stride = 8 << i;
      maps.raw.push_back(formula_tensor(file.at("feat_names")[i].get<std::string>(),
                                        {images, channels, height / stride, width / stride}, -3, 3)
                             .set_requires_grad(true));
      anchors += height / stride * (width / stride);
    }
    if (file.contains("proto_name")) {
      maps.coefficients = formula_tensor(file.at("mask_coeff_name").get<std::string>(),
                                         {images, 32, anchors}, -1, 1)
                              .set_requires_grad(true);
      maps.proto = formula_tensor(file.at("proto_name").get<std::string>(),
                                  {images, 32, height / 4, width / 4}, -1, 1)
                       .set_requires_grad(true);
    }
    const json& rows = file.at("targets[batch_idx,cls,cx,cy,w,h normalised]");
    for (const json& row : rows) {
      add(row.get<std::vector<double>>());
    }
    targets = {torch::tensor(boxes, at::kDouble).view({-1, 4}), torch::tensor(labels, at::kLong),
               torch::tensor(images_of, at::kLong)};
  }

  void add(const std::vector<double>& row) {
    const auto w = static_cast<double>(width), h = static_cast<double>(height);
    images_of.push_back(static_cast<std::int64_t>(row[0]));
    labels.push_back(static_cast<std::int64_t>(row[1]));
    const double x = row[2] * w, y = row[3] * h, dx = row[4] * w / 2, dy = row[5] * h / 2;
    for (const double corner : {x - dx, y - dy, x + dx, y + dy}) {
      boxes.push_back(static_cast<float>(corner));  // where the reference keeps them
    }
  }

  /// The boxes, painted at a quarter of the resolution.
  MaskTargets masks() const {
    const std::int64_t rows = height / 4, columns = width / 4;
    const bool joined = file.at("overlap_mask").get<bool>();
    const at::Tensor all =
        torch::zeros({joined ? maps.proto.size(0) : targets.size(), rows, columns});
    const at::Tensor x = ((torch::arange(columns, at::kDouble) + 0.5) * 4).view({1, -1});
    const at::Tensor y = ((torch::arange(rows, at::kDouble) + 0.5) * 4).view({-1, 1});
    std::int64_t number = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      number = i > 0 && images_of[i] == images_of[i - 1] ? number + 1 : 1;
      const double* box = boxes.data() + 4 * i;
      const at::Tensor inside = x.ge(box[0])
                                    .logical_and(x.le(box[2]))
                                    .logical_and(y.ge(box[1]).logical_and(y.le(box[3])));
      all[joined ? images_of[i] : static_cast<std::int64_t>(i)].masked_fill_(inside,
                                                                             joined ? number : 1);
    }
    return {all, joined};
  }

  json file;
  std::int64_t height = 0, width = 0;
  HeadMaps maps;
  std::vector<double> boxes;
  std::vector<std::int64_t> labels, images_of;
  Targets targets;
};

class YoloLossGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(YoloLossGolden, IsTheReferencesWithItsGradients) {
  const json file = golden("losses_yolo").at("cases").at(GetParam());
  Case one(file);
  std::optional<MaskTargets> masks;
  if (one.maps.proto.defined()) {
    masks = one.masks();
  }
  const YoloLoss loss = yolo_loss(one.maps, one.targets, {}, masks ? &*masks : nullptr);
  expect_near(loss.box.item<double>(), file.at("box"));
  expect_near(loss.classes.item<double>(), file.at("cls"));
  expect_near(loss.dfl.item<double>(), file.at("dfl"));
  expect_near(loss.total.item<double>(), file.at("total_times_batch"), masks ? 1e-8 : 1e-9);
  loss.total.backward();
  const at::Tensor gradient = one.maps.raw[0].grad();
  if (masks) {
    expect_near(loss.masks.item<double>(), file.at("seg"), kMaskTolerance);
    expect_near(absolute_sum(gradient), file.at("grad_abs_sum").at("P3"));
    expect_near(absolute_sum(one.maps.coefficients.grad()), file.at("grad_abs_sum").at("mc"),
                kMaskTolerance);
    expect_near(absolute_sum(one.maps.proto.grad()), file.at("grad_abs_sum").at("proto"),
                kMaskTolerance);
    return;
  }
  EXPECT_EQ(loss.positives, file.at("num_fg").get<std::int64_t>());
  for (std::size_t i = 0; i < 3; ++i) {
    expect_near(absolute_sum(one.maps.raw[i].grad()), file.at("grad_abs_sum_per_level")[i]);
  }
  expect_near(gradient.slice(1, 0, 64).sum().item<double>(), file.at("grad_sum_box_channels_P3"));
  expect_near(gradient.slice(1, 64).sum().item<double>(), file.at("grad_sum_cls_channels_P3"));
}

INSTANTIATE_TEST_SUITE_P(All,
                         YoloLossGolden,
                         ::testing::Values("det_basic",
                                           "det_image_without_gt",
                                           "det_no_gt_at_all",
                                           "det_overlapping_gts",
                                           "det_single_class",
                                           "seg_overlap",
                                           "seg_separate",
                                           "seg_image_without_gt"),
                         [](const auto& test) { return test.param; });

/// The formula of mask_loss, mask by mask, with LibTorch's own gradients.
at::Tensor plain_mask_loss(const Case& one, const Assignment& found, const MaskTargets& masks) {
  const at::Tensor proto = one.maps.proto;
  const std::int64_t anchors = one.maps.coefficients.size(2);
  const std::int64_t rows = proto.size(2), columns = proto.size(3);
  at::Tensor sum = torch::zeros({}, at::kDouble);
  for (std::int64_t i = 0; i < found.places.size(0); ++i) {
    const auto place = found.places[i].item<std::int64_t>();
    const auto object = found.objects[i].item<std::int64_t>();
    const std::int64_t image = place / anchors;
    std::int64_t number = 1;
    while (number <= object && one.images_of[static_cast<std::size_t>(object - number)] == image) {
      ++number;
    }
    const at::Tensor truth =
        (masks.joined ? masks.masks[image].eq(number) : masks.masks[object].ne(0)).to(at::kDouble);
    const at::Tensor logits =
        one.maps.coefficients[image].select(1, place % anchors).matmul(proto[image].flatten(1));
    const double* box = one.boxes.data() + 4 * object;
    const auto w = static_cast<double>(one.width), h = static_cast<double>(one.height);
    const auto inside = [](std::int64_t size, double low, double high) {
      const at::Tensor pixel = torch::arange(size, at::kDouble);
      return pixel.ge(low * static_cast<double>(size))
          .logical_and(pixel.lt(high * static_cast<double>(size)));
    };
    const at::Tensor crop = inside(rows, box[1] / h, box[3] / h)
                                .unsqueeze(1)
                                .logical_and(inside(columns, box[0] / w, box[2] / w).unsqueeze(0));
    const at::Tensor entropies = at::binary_cross_entropy_with_logits(
        logits.view({rows, columns}), truth, {}, {}, at::Reduction::None);
    sum = sum + (entropies * crop).mean() / ((box[2] - box[0]) * (box[3] - box[1]) / (w * h));
  }
  return sum / static_cast<double>(std::max<std::int64_t>(found.places.size(0), 1));
}

TEST(MaskLoss, IsItsFormulaWithItsGradients) {
  for (const char* name : {"seg_overlap", "seg_separate", "seg_image_without_gt"}) {
    SCOPED_TRACE(name);
    const Case one(golden("losses_yolo").at("cases").at(name));
    const MaskTargets masks = one.masks();
    const std::int64_t anchors = one.maps.coefficients.size(2);
    // Any assignment will do.
    const at::Tensor objects = torch::arange(one.targets.size()).repeat_interleave(70);
    const Assignment found{one.targets.images.index_select(0, objects) * anchors +
                               torch::arange(70).repeat({one.targets.size()}),
                           objects, torch::ones({objects.size(0)}, at::kDouble)};
    const std::vector<at::Tensor> inputs{one.maps.coefficients, one.maps.proto};
    const auto gradients = [&](const at::Tensor& loss) {
      return torch::autograd::grad({loss}, inputs);
    };
    const at::Tensor wanted = plain_mask_loss(one, found, masks);
    const at::Tensor got = mask_loss(one.maps.coefficients, one.maps.proto, found, one.targets,
                                     masks, {one.height, one.width});
    EXPECT_NEAR(got.item<double>(), wanted.item<double>(), 1e-12);
    const auto of_wanted = gradients(wanted * 3), of_got = gradients(got * 3);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_LT((of_got[i] - of_wanted[i]).abs().max().item<double>(), 1e-14);
    }
  }
}

TEST(CompleteIou, IsTheReferences) {
  const json file = golden("losses_yolo").at("elementary");
  const auto boxes = [&](const char* name) {
    std::vector<double> flat;
    for (const json& row : file.at(name)) {
      for (const json& value : row) {
        flat.push_back(value.get<double>());
      }
    }
    return torch::tensor(flat, at::kDouble).view({-1, 4});
  };
  const at::Tensor got = complete_iou(boxes("boxes1_xyxy"), boxes("boxes2_xyxy"));
  for (std::int64_t i = 0; i < got.size(0); ++i) {
    EXPECT_NEAR(got[i].item<double>(), file.at("ciou")[static_cast<std::size_t>(i)].get<double>(),
                1e-11);
  }
}

/// One map of 4 x 4 cells of 8 pixels, in one image.
const std::vector<Grid> kGrid{{4, 4, 8}};

Targets two_objects(const at::Tensor& boxes) {
  return {boxes, torch::zeros({2}, at::kLong), torch::zeros({2}, at::kLong)};
}

TEST(Assigner, AnchorsOnABorderAreOutside) {
  // Centres lie at 4, 12, 20 and 28.
  const auto found = find_candidates(
      two_objects(torch::tensor({{4., 0., 20., 8.}, {3., 3., 4.1, 13.}}, at::kDouble)), kGrid, 1,
      1);
  EXPECT_TRUE(found.objects.equal(torch::tensor({0, 1, 1}, at::kLong)));
  EXPECT_TRUE(found.anchors.equal(torch::tensor({1, 0, 4}, at::kLong)));
  EXPECT_TRUE(found.firsts.equal(torch::tensor({0, 1, 1}, at::kLong)));
}

TEST(Assigner, AnAnchorLearnsTheObjectThatItCoversMost) {
  const auto found = find_candidates(
      two_objects(torch::tensor({{0., 0., 16., 8.}, {0., 0., 24., 8.}}, at::kDouble)), kGrid, 1, 1);
  // Object 0 sees anchors 0 and 1, object 1 also anchor 2.
  const at::Tensor overlaps = torch::tensor({0.5, 0.9, 0.8, 0.9, 0.2}, at::kDouble);
  const at::Tensor scores = torch::full({5}, 0.25, at::kDouble);
  const auto got = assign(found, scores, overlaps, 2, 16);
  EXPECT_TRUE(got.places.equal(torch::tensor({1, 0, 2}, at::kLong)));
  EXPECT_TRUE(got.objects.equal(torch::tensor({0, 1, 1}, at::kLong))) << "a tie goes to the first";
  EXPECT_NEAR(got.scores[0].item<double>(), 0.9, 1e-6);
  EXPECT_NEAR(got.scores[1].item<double>(), 0.8, 1e-6);
  EXPECT_NEAR(got.scores[2].item<double>(), 0.8 * std::pow(0.2 / 0.8, 6), 1e-9);
}

TEST(Assigner, TakesTheBestAndTheFirstOfEquals) {
  const auto found = find_candidates({torch::tensor({{0., 0., 32., 32.}}, at::kDouble),
                                      torch::zeros({1}, at::kLong), torch::zeros({1}, at::kLong)},
                                     kGrid, 1, 1);
  const at::Tensor scores = torch::ones({16}, at::kDouble);
  at::Tensor overlaps = torch::full({16}, 0.5, at::kDouble);
  overlaps[15] = 0.6;
  const auto places = [&](std::int64_t top) {
    return assign(found, scores, overlaps, 1, 16, {.top = top}).places;
  };
  EXPECT_TRUE(places(3).equal(torch::tensor({0, 1, 15}, at::kLong)));
  overlaps.zero_();
  overlaps[15] = 0.6;
  EXPECT_TRUE(places(3).equal(torch::tensor({0, 1, 15}, at::kLong)));
}

TEST(Assigner, AnchorsOutsideCompeteWhereNothingIsAligned) {
  const auto found = find_candidates({torch::tensor({{8., 0., 24., 8.}}, at::kDouble),
                                      torch::zeros({1}, at::kLong), torch::zeros({1}, at::kLong)},
                                     kGrid, 1, 1);
  ASSERT_TRUE(found.anchors.equal(torch::tensor({1, 2}, at::kLong)));
  const at::Tensor none = torch::zeros({2}, at::kDouble);
  EXPECT_EQ(assign(found, none, none, 1, 16, {.top = 1}).places.size(0), 0);
  EXPECT_TRUE(
      assign(found, none, none, 1, 16, {.top = 2}).places.equal(torch::tensor({1}, at::kLong)));
}

/// The same over all pairs of objects and anchors of one image, as papers write it.
/// Shape: scores and overlaps [objects, anchors], inside booleans; target scores [anchors] out, 0
/// for background, and the objects.
std::pair<at::Tensor, at::Tensor> assigned_densely(const at::Tensor& scores,
                                                   const at::Tensor& all_overlaps,
                                                   const at::Tensor& inside) {
  const at::Tensor overlaps = all_overlaps * inside;
  at::Tensor aligned = scores.sqrt() * overlaps.pow(6) * inside;
  const at::Tensor top = std::get<1>(aligned.topk(10, 1));
  at::Tensor taken = torch::zeros_like(aligned).scatter_(1, top, 1).mul(inside).mul(aligned.gt(0));
  const at::Tensor best = torch::zeros_like(aligned).scatter_(0, overlaps.argmax(0, true), 1);
  taken = at::where(taken.sum(0, true).gt(1), best, taken);
  aligned = aligned * taken;
  const at::Tensor target = aligned * std::get<0>((overlaps * taken).max(1, true)) /
                            (std::get<0>(aligned.max(1, true)) + 1e-9);
  return {target.sum(0), taken.argmax(0)};
}

TEST(Assigner, IsThatOfAllPairs) {
  const std::vector<Grid> grids{{12, 16, 8}, {6, 8, 16}, {3, 4, 32}};
  const std::int64_t anchors = anchors_of(grids), objects = 14;
  const Anchors centres = make_anchors(grids, torch::empty({}, at::kDouble));
  const at::Tensor pixels = centres.centres * centres.strides;
  for (std::int64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    torch::manual_seed(static_cast<std::uint64_t>(seed));
    const at::Tensor low = torch::rand({objects, 2}, at::kDouble) * 80;
    const at::Tensor boxes =
        at::cat({low, low + 2 + torch::rand({objects, 2}, at::kDouble) * 60}, 1);
    const auto column = [&](std::int64_t i) { return boxes.select(1, i).unsqueeze(1); };
    const at::Tensor inside = pixels.select(1, 0)
                                  .gt(column(0))
                                  .logical_and(pixels.select(1, 1).gt(column(1)))
                                  .logical_and(pixels.select(1, 0).lt(column(2)))
                                  .logical_and(pixels.select(1, 1).lt(column(3)));
    const at::Tensor scores = torch::rand({objects, anchors}, at::kDouble);
    const at::Tensor overlaps = (torch::rand({objects, anchors}, at::kDouble) - 0.2).clamp_min(0);
    const auto found = find_candidates(
        {boxes, torch::zeros({objects}, at::kLong), torch::zeros({objects}, at::kLong)}, grids, 1,
        1);
    ASSERT_EQ(found.objects.size(0), inside.sum().item<std::int64_t>());
    const auto pairs = [&](const at::Tensor& t) { return t.index({found.objects, found.anchors}); };
    const auto got = assign(found, pairs(scores), pairs(overlaps), objects, anchors);
    const auto [wanted, owners] = assigned_densely(scores, overlaps, inside.to(at::kDouble));
    at::Tensor mine = torch::zeros({anchors}, at::kDouble);
    mine.index_put_({got.places}, got.scores);
    EXPECT_LT((mine - wanted).abs().max().item<double>(), 1e-12);
    const at::Tensor learns = got.scores.gt(0).nonzero().squeeze(1);
    EXPECT_TRUE(got.objects.index_select(0, learns).equal(
        owners.index_select(0, got.places.index_select(0, learns))));
  }
}

TEST(YoloLoss, HasFiniteGradientsForHardTargets) {
  Case one(golden("losses_yolo").at("cases").at("det_basic"));
  const double nan = std::nan("");
  one.targets = {torch::tensor({{5., 5., 5., 5.},
                                {-1e9, -1e9, 1e9, 1e9},
                                {nan, 0., 10., 10.},
                                {0., 0., 0., 0.},
                                {40., 40., 10., 10.}},
                               at::kDouble),
                 torch::zeros({5}, at::kLong), torch::tensor({0, 0, 0, 1, 1}, at::kLong)};
  const YoloLoss loss = yolo_loss(one.maps, one.targets);
  EXPECT_TRUE(std::isfinite(loss.total.item<double>()));
  loss.total.backward();
  EXPECT_TRUE(one.maps.raw[0].grad().isfinite().all().item<bool>());
}

TEST(YoloLoss, SaysWhatDoesNotFit) {
  Case one(golden("losses_yolo").at("cases").at("det_basic"));
  Targets wrong = one.targets;
  wrong.labels = wrong.labels + 1;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { yolo_loss(one.maps, wrong); }, "a label in [0, 3)");
  wrong = one.targets;
  wrong.images = wrong.images.flip(0);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { yolo_loss(one.maps, wrong); }, "in the order");
  wrong.images = one.targets.images + 1;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { yolo_loss(one.maps, wrong); }, "is of image 2");
}

TEST(YoloLoss, MasksOfAnotherResolutionAreReadAtTheNearestPixel) {
  Case one(golden("losses_yolo").at("cases").at("seg_overlap"));
  const MaskTargets masks = one.masks();
  const MaskTargets larger{masks.masks.repeat_interleave(2, 1).repeat_interleave(2, 2), true};
  EXPECT_DOUBLE_EQ(yolo_loss(one.maps, one.targets, {}, &masks).masks.item<double>(),
                   yolo_loss(one.maps, one.targets, {}, &larger).masks.item<double>());
  const MaskTargets few{masks.masks.slice(0, 0, 1), true};
  expect_error(
      ErrorCode::kInvalidArgument, [&] { yolo_loss(one.maps, one.targets, {}, &few); },
      "expected 2 masks");
}

}  // namespace
}  // namespace lorae::tasks::vision
