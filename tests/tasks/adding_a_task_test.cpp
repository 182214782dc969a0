// docs/adding_a_task.md, followed literally.
#include <gtest/gtest.h>

#include "tasks/task.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

TEST(AddingATask, ThePageWorks) {
  EXPECT_EQ(task_names().back(), "ordinal");
  const auto task = make_task("ordinal", {.classes = 4});
  const auto model =
      models::build({.name = "resnet8", .classes = 4, .height = 8, .width = 8, .pool = 1}, Seed{1});
  const data::Batch batch{torch::zeros({3, 1, 8, 8}, torch::kUInt8),
                          torch::tensor({0, 1, 3}, torch::kInt64),
                          {0, 1, 2}};
  const at::Tensor p = model->forward(model_input(*model, batch.images)).softmax(1);
  const at::Tensor e = p.matmul(torch::arange(4, torch::kFloat));
  const double wanted = (e - batch.labels).square().mean().item<double>();
  EXPECT_NEAR(task->loss(*model, batch).total.item<double>(), wanted, 1e-5);

  const auto meter = task->meter();
  meter->add({torch::tensor({0.5, 2.5, 3.0})}, batch);
  EXPECT_EQ(meter->result().main_name(), task->main_metric());
  EXPECT_NEAR(meter->result().find("within1").value(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(meter->result().find("distance").value(), 2.0 / 3, 1e-6);
}

}  // namespace
}  // namespace lorae::tasks
