#include "tasks/classification.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::tasks {
namespace {

using lorae::testing::expect_error;

data::Batch labelled(const std::vector<std::int64_t>& labels) {
  return {.images = {},
          .labels = torch::tensor(labels, torch::kInt64),
          .indices = std::vector<std::int64_t>(labels.size())};
}

TEST(Classification, MeasuresByImageAndByClass) {
  const auto task = make_task("classification", {.classes = 3});
  const auto meter = task->meter();
  EXPECT_TRUE(meter->result().empty());

  meter->add({torch::tensor({{2.0, 0.0, 0.0}, {0.0, 2.0, 0.0}})}, labelled({0, 0}));
  meter->add({torch::tensor({{0.0, 0.0, 2.0}})}, labelled({2}));

  const Metrics metrics = meter->result();
  EXPECT_EQ(metrics.main_name(), task->main_metric());
  EXPECT_DOUBLE_EQ(metrics.find("top1").value(), 2.0 / 3);
  EXPECT_FALSE(metrics.find("top5")) << "of three classes";
  const double right = std::log(std::exp(2) + 2) - 2, wrong = std::log(std::exp(2) + 2);
  EXPECT_NEAR(metrics.find("loss").value(), (2 * right + wrong) / 3, 1e-6);
  const auto classes = meter->per_class();
  ASSERT_EQ(classes.size(), 3U);
  EXPECT_EQ(classes[0].images, 2);
  EXPECT_DOUBLE_EQ(classes[0].metrics.find("top1").value(), 0.5);
  EXPECT_TRUE(classes[1].metrics.empty()) << "not measured";
  EXPECT_DOUBLE_EQ(classes[2].metrics.find("top1").value(), 1);
}

TEST(Classification, CountsALabelAmongTheFiveLargest) {
  const auto meter = make_task("classification", {.classes = 8})->meter();
  const at::Tensor falling = torch::arange(8, 0, -1, torch::kFloat).unsqueeze(0);
  for (std::int64_t label = 0; label < 8; ++label) {
    meter->add({falling}, labelled({label}));
  }
  EXPECT_DOUBLE_EQ(meter->result().find("top1").value(), 1.0 / 8);
  EXPECT_DOUBLE_EQ(meter->result().find("top5").value(), 5.0 / 8);
}

TEST(Classification, SmoothsTheLabelsOfTrainingAlone) {
  const auto model =
      models::build({.name = "resnet8", .classes = 3, .height = 8, .width = 8, .pool = 1}, Seed{1});
  data::Batch batch = labelled({0, 1, 2});
  batch.images = (torch::arange(3 * 64) % 251).reshape({3, 1, 8, 8}).to(torch::kUInt8);
  const at::Tensor logs = model->forward(model_input(*model, batch.images)).log_softmax(1);
  const double sharp = -logs.gather(1, batch.labels.unsqueeze(1)).mean().item<double>();
  const double spread = -logs.mean().item<double>();
  const auto loss = [&](double smoothing) {
    return make_task("classification", {.classes = 3, .label_smoothing = smoothing})
        ->loss(*model, batch)
        .total.item<double>();
  };
  EXPECT_NEAR(loss(0), sharp, 1e-5);
  EXPECT_NEAR(loss(0.1), 0.9 * sharp + 0.1 * spread, 1e-5);
}

TEST(Tasks, AreKnownByName) {
  EXPECT_EQ(task_names(), (std::vector<std::string_view>{"classification", "detection",
                                                         "segmentation", "semantic"}));
  expect_error(
      ErrorCode::kInvalidConfig, [] { make_task("karaoke", {}); }, "expected one of");
}

}  // namespace
}  // namespace lorae::tasks
