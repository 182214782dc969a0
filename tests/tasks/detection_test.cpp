#include <gtest/gtest.h>

#include "data/loader.h"
#include "tasks/judgement.h"
#include "tasks/prediction_sheet.h"
#include "tasks/task.h"
#include "tensors/torch.h"
#include "tests/data/squares.h"
#include "tests/tensors/helpers.h"

namespace lorae::tasks {
namespace {

using data::testing::Squares;

data::Loader loader_of(const Task& task, std::int64_t side, bool rectangular = false) {
  return {std::make_shared<Squares>(),
          {.shape = {3, side, side},
           .batch_size = 4,
           .shuffle = false,
           .prepare = data::letterboxing(),
           .masks = task.needs().masks,
           .rectangular = rectangular},
          Seed{1}};
}

/// What a model would say that finds exactly what is there.
Predictions truth_of(const data::Batch& batch) {
  Predictions predictions;
  const auto height = static_cast<double>(batch.images.size(2));
  const auto width = static_cast<double>(batch.images.size(3));
  for (const auto& objects : batch.objects) {
    std::vector<double> rows;
    std::vector<std::int64_t> labels;
    for (const data::Object& object : objects) {
      const data::Box& box = object.box;
      rows.insert(rows.end(), {box.x1 * width, box.y1 * height, box.x2 * width, box.y2 * height});
      labels.push_back(object.label);
    }
    predictions.objects.push_back({torch::tensor(rows, torch::kFloat64).view({-1, 4}),
                                   torch::full({std::ssize(labels)}, 0.9, torch::kFloat64),
                                   torch::tensor(labels, torch::kInt64),
                                   torch::zeros({std::ssize(labels), 0})});
  }
  return predictions;
}

TEST(Detection, JudgesInPixelsOfThePictures) {
  const auto task = make_task("detection", {.classes = 2});
  for (const bool rectangular : {false, true}) {
    data::Loader loader = loader_of(*task, 96, rectangular);
    const data::Batch batch = *loader.next();
    EXPECT_EQ(batch.images.size(2), 96);
    const metrics::Judgement judgement =
        judgement_of(truth_of(batch), batch, 0, metrics::Protocol::kUltralytics, false);
    ASSERT_EQ(judgement.truths.size(), 1U);
    EXPECT_NEAR(judgement.truths[0].box.x1, 6, 1e-9) << "of a picture that was enlarged";
    EXPECT_NEAR(judgement.truths[0].box.y2, 30, 1e-9);
    EXPECT_NEAR(judgement.found[0].box.x2, 26, 1e-9);
  }
}

TEST(Detection, MeasuresWhatIsFound) {
  const auto task = make_task("detection", {.classes = 2});
  data::Loader loader = loader_of(*task, 64);
  const auto right = task->meter(), half = task->meter(), nothing = task->meter();
  EXPECT_FALSE(nothing->result().find("map50_95").has_value());
  while (const auto batch = loader.next()) {
    Predictions predictions = truth_of(*batch);
    right->add(predictions, *batch);
    for (vision::Detections& found : predictions.objects) {
      found.labels.fill_(0);  // "left" for all
    }
    half->add(predictions, *batch);
  }
  EXPECT_NEAR(*right->result().find("map50_95"), 1, 0.01);
  EXPECT_NEAR(*right->result().find("recall"), 1, 1e-9);
  EXPECT_LT(*half->result().find("map50"), 0.6);
  const auto classes = right->per_class();
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[1].images, 4);
  EXPECT_NEAR(*classes[1].metrics.find("map50"), 1, 0.01);
}

TEST(PredictionSheet, HasWhatWasSaidBesideWhatThereIs) {
  const auto task = make_task("detection", {.classes = 2});
  const Squares set;
  PredictionSheet found(set, *task, 3), unsure(set, *task, 3), silent(set, *task, 3);
  data::Loader loader = loader_of(*task, 64);
  EXPECT_FALSE(silent.drawn().defined());
  while (const auto batch = loader.next()) {
    Predictions predictions = truth_of(*batch);
    found.add(predictions, *batch);
    for (vision::Detections& one : predictions.objects) {
      one.scores.fill_(0.2);
    }
    unsure.add(predictions, *batch);
  }
  const at::Tensor sheet = found.drawn(), empty = unsure.drawn();
  constexpr std::int64_t kPair = 2 * 224 + 3 * 2, kHigh = 224 + 2 * 2, kGap = 10;
  ASSERT_EQ(sheet.sizes(), (at::IntArrayRef{2 * kHigh + 3 * kGap, 2 * kPair + 3 * kGap, 3}))
      << "three pairs in two rows";
  const auto half = [&](const at::Tensor& from, std::int64_t side) {
    return from.narrow(0, kGap, kHigh).narrow(1, kGap + side * 228, 224);
  };
  EXPECT_TRUE(half(sheet, 0).equal(half(empty, 0))) << "the truth";
  EXPECT_FALSE(half(sheet, 1).equal(half(empty, 1)));
  // Where the truth has a border, what was found has it, too: the colour of class 0.
  const auto reddish = [](const at::Tensor& picture) {
    const at::Tensor border = picture.eq(torch::tensor({255, 99, 71}, torch::kUInt8)).all(2);
    return border.sum().item<std::int64_t>();
  };
  EXPECT_GT(reddish(half(sheet, 1)), 50);
  EXPECT_EQ(reddish(half(empty, 1)), 0);
}

models::ModelOptions options_of(const std::string& name, std::int64_t classes) {
  return {.name = name,
          .stem = "standard",
          .classes = classes,
          .channels = 3,
          .height = 64,
          .width = 64,
          .pool = 1,
          .mean = {0.0},
          .standard_deviation = {1.0}};
}

/// What a network says of eight pictures after it was trained on them for so many steps.
Metrics learned(const std::string& name, const char* task_name, int steps) {
  const auto model = models::build(options_of(name, 2 + models::background_outputs(name)), Seed{3});
  const auto task = make_task(task_name, settings_for(model->options()));
  model->train_only(model->weights());
  model->set_batch_norm_learning(true);
  std::vector<at::Tensor> weights;
  for (const auto& [key, tensor] : model->weights()) {
    weights.push_back(tensor);
  }
  torch::optim::Adam adam(weights, torch::optim::AdamOptions(2e-3));
  data::Loader loader = loader_of(*task, 64);
  for (int step = 0; step < steps; ++step) {
    if (step % 2 == 0) {
      loader.start(step / 2);
    }
    const models::TrainingPass pass(*model, Seed{static_cast<std::uint64_t>(step)});
    const Loss loss = task->loss(*model, *loader.next());
    EXPECT_FALSE(loss.parts.empty());
    adam.zero_grad();
    loss.total.backward();
    adam.step();
  }
  const models::TrainingPass pass(*model, Seed{});  // after few steps the running means lag behind
  return evaluate(*model, *task, loader)->result();
}

TEST(Detection, IsLearned) {
  const Metrics found = learned("yolov8n", "detection", 120);
  EXPECT_GT(*found.find("map50"), 0.8) << *found.find("map50");
}

TEST(Detection, TakesANetworkOfRegions) {
  const auto model = models::build(options_of("fasterrcnn_resnet50_fpn", 3), Seed{3});
  const auto task = make_task("detection", settings_for(model->options()));
  model->train_only(model->head());
  data::Loader loader = loader_of(*task, 64);
  const data::Batch batch = *loader.next();
  const Loss loss = task->loss(*model, batch);
  EXPECT_EQ(loss.parts.size(), 4U);
  loss.total.backward();
  for (const auto& [name, weight] : model->head()) {
    EXPECT_TRUE(weight.grad().isfinite().all().item<bool>()) << name;
  }
  const torch::NoGradGuard no_grad;
  const Predictions predictions = task->predict(*model, batch);
  ASSERT_EQ(std::ssize(predictions.objects), batch.size());
  for (const vision::Detections& found : predictions.objects) {
    EXPECT_EQ(found.coefficients.size(0), found.scores.size(0));
    EXPECT_TRUE(found.labels.ge(0).logical_and(found.labels.lt(2)).all().item<bool>());
  }
  const auto meter = task->meter();
  meter->add(predictions, batch);
  EXPECT_TRUE(meter->result().find("map50").has_value());
}

TEST(Segmentation, IsLearned) {
  const Metrics found = learned("yolo11n-seg", "segmentation", 120);
  EXPECT_GT(*found.find("map50"), 0.8) << *found.find("map50");
  EXPECT_GT(*found.find("mask_map50"), 0.8) << *found.find("mask_map50");
}

TEST(Semantic, TakesNoMoreClassesThanAMapHolds) {
  EXPECT_NE(make_task("semantic", {.classes = 254}), nullptr);
  lorae::testing::expect_error(
      ErrorCode::kInvalidConfig, [] { make_task("semantic", {.classes = 255}); },
      "holds 254 of them beside the background, got 255");
}

TEST(Semantic, IsLearned) {
  const Metrics found = learned("unet_resnet34", "semantic", 24);
  EXPECT_GT(*found.find("miou"), 0.8) << *found.find("miou");
}

TEST(Detection, RefusesNetworksThatFindNothing) {
  const auto task = make_task("detection", {.classes = 2});
  const auto model = models::build(options_of("resnet18", 2), Seed{1});
  data::Loader loader = loader_of(*task, 64);
  const data::Batch batch = *loader.next();
  lorae::testing::expect_error(
      ErrorCode::kInvalidConfig, [&] { task->loss(*model, batch); }, "expected a detector");
  const auto classes = make_task("classification", {.classes = 2});
  lorae::testing::expect_error(
      ErrorCode::kInvalidConfig, [&] { check_annotation("classification", *classes, Squares()); },
      "is learned from a class per picture, but the data set has outlines");
}

TEST(Semantic, CountsPixelsOfThePictureAlone) {
  const auto task = make_task("semantic", {.classes = 2});
  data::Loader loader = loader_of(*task, 64);
  const data::Batch batch = *loader.next();
  EXPECT_EQ(batch.masks[0][0][0].item<int>(), data::kVoid) << "above the picture";
  Predictions predictions;
  predictions.pixels.classes =
      batch.masks.where(batch.masks.ne(data::kVoid), torch::zeros_like(batch.masks));
  const auto meter = task->meter();
  meter->add(predictions, batch);
  EXPECT_NEAR(*meter->result().find("miou"), 1, 1e-12);
  predictions.pixels.classes = torch::zeros_like(batch.masks);
  meter->add(predictions, batch);
  EXPECT_LT(*meter->result().find("miou"), 0.7);
}

}  // namespace
}  // namespace lorae::tasks
