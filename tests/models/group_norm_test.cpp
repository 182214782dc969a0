// Networks that normalise by groups of channels: the same for every batch and device.
#include <gtest/gtest.h>

#include "adapters/starts.h"
#include "models/model.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using lorae::testing::expect_error;
using lorae::testing::same_bits;

ModelOptions flocora(const std::string& name) {
  return {.name = name, .norm_groups = 2, .channels = 3, .height = 32, .width = 32, .pool = 1};
}

at::Tensor images(std::int64_t count) {
  return adapters::uniform_tensor({count, 3, 32, 32}, 2.0, Seed{7});
}

/// Without statistics a backbone is its parameters.
std::int64_t parameters(const std::string& name) {
  return build(flocora(name), std::nullopt)->backbone().numel();
}

/// Numbers that a client sends: adapters of all convolutions, norms and the head.
std::int64_t sent(const std::string& name, std::int64_t rank) {
  const auto model = build(flocora(name), std::nullopt);
  model->attach_adapters({.rank = rank, .alpha = 16.0 * static_cast<double>(rank)}, Seed{1});
  return model->adapter().numel() + model->norm_affines().numel() + model->head().numel();
}

TEST(GroupNorm, IsItsFormula) {
  NormLayer norm(4, {.groups = 2});
  norm.weight = torch::tensor({1.0, -2.0, 0.5, 3.0}, torch::kDouble);
  norm.bias = torch::tensor({0.0, 1.0, -1.0, 0.25}, torch::kDouble);
  const at::Tensor x = adapters::uniform_tensor({3, 4, 2, 5}, 4.0, Seed{3}).to(torch::kDouble);
  const at::Tensor y = norm.forward(x);
  for (std::int64_t sample = 0; sample < 3; ++sample) {
    for (std::int64_t channel = 0; channel < 4; ++channel) {
      const at::Tensor group = x[sample].slice(0, channel / 2 * 2, channel / 2 * 2 + 2);
      const double mean = group.sum().item<double>() / 20;
      const double variance = (group - mean).square().sum().item<double>() / 20;
      const at::Tensor expected =
          (x[sample][channel] - mean) / std::sqrt(variance + 1e-5) * norm.weight[channel] +
          norm.bias[channel];
      EXPECT_TRUE(at::allclose(y[sample][channel], expected, 1e-12, 1e-12));
    }
  }
}

TEST(GroupNorm, HasTwoTensorsAndNoStatistics) {
  const auto model = build(flocora("resnet8w64"), Seed{1});
  EXPECT_EQ(model->norm_statistics().size(), 0U);
  EXPECT_TRUE(model->backbone().find("bn1.weight"));
  EXPECT_FALSE(model->backbone().find("bn1.running_mean"));
  EXPECT_FALSE(model->backbone().find("bn1.num_batches_tracked"));
}

/// Source: the run script and printed sizes of FLoCoRA (arXiv:2406.14082).
TEST(GroupNorm, NetworksHaveFlocorasCounts) {
  EXPECT_EQ(parameters("resnet8w64"), 1'227'594);
  EXPECT_EQ(sent("resnet8w64", 32), 258'026);
  EXPECT_EQ(sent("resnet8w64", 16), 131'642);
  EXPECT_EQ(parameters("resnet18"), 11'173'962);
  EXPECT_EQ(sent("resnet18", 64), 2'306'122);
}

TEST(GroupNorm, ASampleIsJudgedAloneInTrainingAndInference) {
  const auto model = build(flocora("resnet8"), Seed{1});
  model->to(c10::kDouble);
  const at::Tensor x = images(4).to(c10::kDouble);
  const at::Tensor together = model->forward(x);
  const StateDict before = model->backbone().clone();
  model->set_batch_norm_learning(true);
  const TrainingPass pass(*model, Seed{1});
  EXPECT_TRUE(at::allclose(model->forward(x.slice(0, 2, 3)), together.slice(0, 2, 3), 1e-9, 1e-9));
  EXPECT_TRUE(same_bits(model->backbone(), before));
}

TEST(GroupNorm, StaysWhereOtherNormsAreFolded) {
  const auto model = build(flocora("resnet8"), Seed{1});
  model->norm_affines().at("layer2.0.bn1.weight").mul_(1.5);
  const at::Tensor expected = model->forward(images(2));
  model->fold_norms();
  EXPECT_TRUE(same_bits(model->forward(images(2)), expected));
  EXPECT_TRUE(model->backbone().find("layer2.0.bn1.weight"));
}

TEST(GroupNorm, RefusesGroupsThatDoNotFit) {
  const auto refused = [](const std::string& name, std::int64_t groups, const char* why) {
    ModelOptions options = flocora(name);
    options.norm_groups = groups;
    expect_error(
        ErrorCode::kInvalidConfig, [&] { build(options, Seed{1}); }, why);
  };
  refused("resnet8", 3, "[models] norm_groups: 3 groups do not divide 32 channels");
  refused("yolov8n-cls", 2,
          "[models] norm_groups: yolov8n-cls is made with BatchNorm; only ResNets take groups");
}

}  // namespace
}  // namespace lorae::models
