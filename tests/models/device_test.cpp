// A model that moves: to another type here, and to a GPU where there is one.
#include <gtest/gtest.h>

#include "models/model.h"
#include "tensors/device.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using lorae::testing::relative_error;

std::unique_ptr<Model> adapted(const std::string& name) {
  auto model = build(testing::reference_options(name, 5), Seed{1});
  testing::fill_by_formula_(*model, 1.3);
  model->attach_adapters({.rank = 2}, Seed{2});
  return model;
}

TEST(Model, MovesInPlace) {
  const auto model = adapted("resnet18");
  model->fold_norms();
  const StateDict trained = model->adapter(), head = model->head();
  model->train_only(trained);
  model->to(at::kDouble);
  EXPECT_EQ(model->type(), at::kDouble);
  for (const StateDict& handles : {trained, head}) {
    for (const auto& [name, tensor] : handles) {
      EXPECT_EQ(tensor.scalar_type(), at::kDouble) << name;
    }
  }
  EXPECT_TRUE(trained.begin()->second.requires_grad());
  EXPECT_FALSE(head.begin()->second.requires_grad());
  // What a handle is given, the model has.
  const at::Tensor x = torch::rand({1, 3, 32, 32}, at::kDouble);
  const torch::NoGradGuard no_grad;
  const at::Tensor before = model->forward(x);
  head.at("fc.bias").add_(1);
  EXPECT_LT((model->forward(x) - before - 1).abs().max().item<double>(), 1e-12);
}

TEST(Model, GivesTheSameOnAGpu) {
  if (torch::cuda::device_count() == 0) {
    GTEST_SKIP() << "no GPU";
  }
  for (const char* name : {"resnet18", "efficientnet_b0", "yolov8n-cls", "yolo11n", "yolov8n-seg",
                           "unet_resnet34", "deeplabv3_resnet50", "fasterrcnn_resnet50_fpn"}) {
    const auto model = adapted(name);
    const torch::NoGradGuard no_grad;
    model->to(at::kDouble);  // so that no proposal changes its place by rounding
    const at::Tensor x = torch::rand({1, 3, 64, 64}, at::kDouble);
    const auto wanted = model->predict(x);
    model->to(device_named("cuda:0"));
    const auto got = model->predict(x.cuda());
    ASSERT_EQ(got.size(), wanted.size()) << name;
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_TRUE(got[i].value.is_cuda()) << name;
      ASSERT_EQ(got[i].value.sizes(), wanted[i].value.sizes()) << name;
      EXPECT_LT(relative_error(got[i].value.cpu().to(at::kDouble), wanted[i].value.to(at::kDouble)),
                1e-8)
          << name << ' ' << got[i].name;
    }
  }
}

}  // namespace
}  // namespace lorae::models
