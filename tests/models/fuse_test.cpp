#include <gtest/gtest.h>

#include "adapters/starts.h"
#include "models/measure/profile.h"
#include "models/nets/faster_rcnn/faster_rcnn.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using lorae::testing::relative_error;
using lorae::testing::same_bits;

struct Case {
  const char* name;
  std::int64_t side;  ///< of the image
};

/// A model of every family with weights of a trained one's size and adapters that do something.
std::unique_ptr<Model> adapted(const std::string& name,
                               std::int64_t rank,
                               c10::ScalarType type,
                               bool with_adapters = true) {
  // Detectors of large images are made small.
  auto model = name == "fasterrcnn_resnet50_fpn"
                   ? std::make_unique<Model>(testing::reference_options(name, 7),
                                             std::make_unique<FasterRcnn>(FasterRcnnOptions{
                                                 .classes = 7, .min_size = 64, .max_size = 64}),
                                             Seed{1})
                   : build(testing::reference_options(name, 7), Seed{1});
  testing::fill_by_formula_(*model, 1.3);
  if (with_adapters) {
    model->attach_adapters({.rank = rank, .alpha = 2.0 * static_cast<double>(rank)}, Seed{2});
  }
  for (const auto& [name_of_conv, conv] : model->convolutions()) {
    if (conv->has_adapter()) {
      conv->mapper = adapters::uniform_tensor(conv->mapper.sizes().vec(), 0.02,
                                              Seed{3}.derive("mapper", name_of_conv));
    }
  }
  model->to(type);
  return model;
}

at::Tensor output(Model& model, const at::Tensor& images) {
  return model.predict(images).front().value.clone();
}

/// Multiplications of one inference. How often a detector's second stage runs depends on weights.
std::int64_t macs(Model& model, const at::Tensor& images) {
  std::int64_t sum = 0;
  for (const LayerProfile& layer : profile(model, images.sizes().vec(), false)) {
    sum += layer.shape.name.starts_with("roi_heads.") ? 0 : layer.macs + layer.adapter_macs;
  }
  return sum;
}

class Fuse : public ::testing::TestWithParam<Case> {};

TEST_P(Fuse, GivesTheBranchsOutputAndUnfuseTheBackbone) {
  const auto [name, side] = GetParam();
  const std::vector<std::pair<std::int64_t, c10::ScalarType>> settings = {{2, c10::kFloat},
                                                                          {64, c10::kDouble}};
  for (const auto& [rank, type] : settings) {
    SCOPED_TRACE(lorae::str("rank ", rank, ' ', type));
    const auto model = adapted(name, rank, type);
    const at::Tensor images = testing::formula_tensor("input", {1, 3, side, side}, 0, 1).to(type);
    for (const auto& [name_of_conv, conv] : model->convolutions()) {
      conv->form = adapters::Form::kBranch;
    }
    // With gradients on, a branch is computed as one.
    const at::Tensor branch = output(*model, images).detach();
    const torch::NoGradGuard no_grad;
    const StateDict before = model->backbone().clone();
    model->fuse();
    const double bound = type == c10::kDouble ? 1e-12 : 1e-4;
    EXPECT_LT(relative_error(output(*model, images), branch), bound);
    EXPECT_FALSE(same_bits(model->backbone(), before));
    EXPECT_EQ(model->backbone().numel(), before.numel());
    model->unfuse();
    EXPECT_TRUE(same_bits(model->backbone(), before));
    EXPECT_LT(relative_error(output(*model, images), branch), bound) << "the adapter acts again";
    model->fold_norms();
    EXPECT_LT(relative_error(output(*model, images), branch), bound) << "beside folded norms";
    model->fuse();
    EXPECT_LT(relative_error(output(*model, images), branch), bound) << "merged and folded";
    EXPECT_LT(model->backbone().size(), before.size());
  }
}

TEST_P(Fuse, CostsWhatTheBackboneCosts) {
  const auto [name, side] = GetParam();
  const at::Tensor images = testing::formula_tensor("input", {1, 3, side, side}, 0, 1);
  const auto model = adapted(name, 16, c10::kFloat);
  const std::int64_t with_branches = macs(*model, images);

  model->fuse();

  const std::int64_t fused = macs(*model, images);
  EXPECT_LT(fused, with_branches);
  EXPECT_EQ(fused, macs(*adapted(name, 16, c10::kFloat, /*with_adapters=*/false), images));
}

INSTANTIATE_TEST_SUITE_P(Families,
                         Fuse,
                         ::testing::Values(Case{"resnet18", 64},
                                           Case{"resnet50", 64},
                                           Case{"efficientnet_b0", 64},
                                           Case{"yolov8n", 64},
                                           Case{"yolov8n-seg", 64},
                                           Case{"yolov8n-cls", 32},
                                           Case{"yolov5nu", 64},
                                           Case{"yolo11n", 64},
                                           Case{"yolo11n-seg", 64},
                                           Case{"yolo11n-cls", 32},
                                           Case{"fasterrcnn_resnet50_fpn", 64},
                                           Case{"unet_resnet34", 64},
                                           Case{"deeplabv3plus_resnet50", 64}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace lorae::models
