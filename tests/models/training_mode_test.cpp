// What layers do otherwise in training, and where they draw from.
#include <gtest/gtest.h>

#include <set>

#include "models/model.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using lorae::testing::same_bits;

TEST(Dropout, DoesNothingInInferenceWhateverAutogradDoes) {
  Dropout dropout(0.5);
  const at::Tensor x = torch::ones({4, 8}).set_requires_grad(true);
  EXPECT_TRUE(dropout.forward(x).is_same(x));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(dropout.forward(x).is_same(x));
}

TEST(Dropout, DropsItsShareAndScalesTheRest) {
  Dropout dropout(0.2);
  dropout.training = true;
  dropout.noise = Seed{3};
  const at::Tensor y = dropout.forward(torch::ones({100, 1000}));
  const double dropped = y.eq(0).to(torch::kDouble).mean().item<double>();
  EXPECT_NEAR(dropped, 0.2, 5 * std::sqrt(0.2 * 0.8 / 1e5));
  EXPECT_EQ(y.max().item<float>(), 1.25F);
  EXPECT_EQ(y.ne(0).logical_and(y.ne(1.25F)).sum().item<std::int64_t>(), 0);
}

TEST(Dropout, OfSamplesDropsThemWhole) {
  Dropout dropout(0.25, Dropout::Of::kSamples);
  dropout.training = true;
  dropout.noise = Seed{4};
  const at::Tensor y = dropout.forward(torch::ones({400, 3, 2, 2})).flatten(1);
  EXPECT_TRUE(y.amin(1).equal(y.amax(1)));
  EXPECT_NEAR(y.select(1, 0).eq(0).to(torch::kDouble).mean().item<double>(), 0.25, 0.11);
}

/// LibTorch's own has a variance of NaN then, and keeps it.
TEST(NormLayer, TakesNoStatisticsFromASingleValue) {
  NormLayer norm(3, {});
  norm.learns = norm.training = true;
  const at::Tensor x = torch::tensor({1.0F, 2.0F, 3.0F}).view({1, 3, 1, 1});
  EXPECT_TRUE(norm.forward(x).allclose(x, 1e-4)) << "by the running ones";
  EXPECT_TRUE(norm.running_var.equal(torch::ones({3})));
  norm.forward(at::cat({x, 3 * x}));
  EXPECT_TRUE(norm.running_var.isfinite().all().item<bool>());
  EXPECT_FALSE(norm.running_var.equal(torch::ones({3})));
}

TEST(Dropout, WithoutAProbabilityDropsNothing) {
  Dropout dropout(0);
  dropout.training = true;
  const at::Tensor x = torch::ones({2});
  EXPECT_TRUE(dropout.forward(x).is_same(x));
}

class TrainingMode : public ::testing::Test {
 protected:
  TrainingMode() { use_one_thread(); }

  at::Tensor pass(Model& model, std::uint64_t seed) const {
    const TrainingPass training(model, Seed{seed});
    return model.forward(images_);
  }

  /// Norms have the statistics of our images: else nothing is left of them at the end.
  std::unique_ptr<Model> made(const std::string& name) const {
    auto model = build(
        {.name = name, .classes = 5, .channels = 3, .height = 64, .width = 64, .pool = 1}, Seed{1});
    walk(model->network(), "", [](const std::string& /*name*/, Layer& layer) {
      if (auto* norm = dynamic_cast<NormLayer*>(&layer)) {
        norm->options.momentum = 1;
      }
    });
    model->set_batch_norm_learning(true);
    pass(*model, 1);
    model->set_batch_norm_learning(false);
    return model;
  }

  const torch::NoGradGuard no_grad_;
  const at::Tensor images_ = torch::linspace(-1, 1, 4 * 3 * 64 * 64).reshape({4, 3, 64, 64});
};

TEST_F(TrainingMode, OfEfficientNetAndDeepLabDependsOnItsSeedAlone) {
  for (const char* name : {"efficientnet_b0", "deeplabv3_resnet50"}) {
    const auto model = made(name);
    const at::Tensor plain = model->forward(images_);
    torch::manual_seed(1);
    const at::Tensor one = pass(*model, 7);
    torch::manual_seed(2);
    torch::rand({5});

    EXPECT_TRUE(same_bits(pass(*model, 7), one)) << name << ": not from LibTorch's generator";
    EXPECT_FALSE(same_bits(pass(*model, 8), one)) << name;
    EXPECT_FALSE(same_bits(plain, one)) << name;
    EXPECT_TRUE(same_bits(model->forward(images_), plain)) << name << ": inference is as before";
  }
}

TEST_F(TrainingMode, DrawsForEachLayerFromAStreamOfItsOwn) {
  const auto model = made("efficientnet_b1");
  model->set_training(Seed{1});
  std::set<std::uint64_t> seeds;
  std::size_t layers = 0;
  walk(model->network(), "", [&](const std::string& /*name*/, Layer& layer) {
    EXPECT_TRUE(layer.training);
    if (dynamic_cast<Dropout*>(&layer) != nullptr) {
      seeds.insert(layer.noise.value);
      ++layers;
    }
  });
  EXPECT_EQ(layers, 24U) << "23 blocks and the classifier";
  EXPECT_EQ(seeds.size(), layers);
}

TEST_F(TrainingMode, ChangesNothingWhereNothingIsRandomAndNormsAreFrozen) {
  const auto model = made("resnet8");
  EXPECT_TRUE(same_bits(pass(*model, 7), model->forward(images_)));
}

}  // namespace
}  // namespace lorae::models
