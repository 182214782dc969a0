// Training in the precisions of GPUs: what can be shown without one, and the rest where there is
// one.
#include "tensors/device.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"
#include "training/fit.h"
#include "training/learner.h"

namespace lorae::training {
namespace {

using testing::small_plan;
using testing::striped_set;

/// An optimiser of one parameter whose gradient is set by hand.
struct OneParameter {
  at::Tensor parameter = torch::zeros({3}, at::kFloat).set_requires_grad(true);
  std::unique_ptr<Optimizer> optimizer = make_optimizer({.momentum = 0}, {{{parameter}, 1.0, 0}});

  void set_gradient(std::vector<float> values) { parameter.mutable_grad() = torch::tensor(values); }
};

TEST(LossScaler, GivesGradientsBackTheirSize) {
  OneParameter one;
  LossScaler scaler;
  const at::Tensor loss = scaler.scaled((one.parameter * torch::tensor({1.F, 2.F, 3.F})).sum());
  loss.backward();
  EXPECT_EQ(one.parameter.grad()[2].item<float>(), 3 * 65536);
  EXPECT_TRUE(scaler.unscale(*one.optimizer));
  EXPECT_TRUE(one.parameter.grad().equal(torch::tensor({1.F, 2.F, 3.F})));
}

TEST(LossScaler, LeavesOutStepsThatOverflowAndHalvesTheScale) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  OneParameter one;
  LossScaler scaler;
  one.set_gradient({1, kInf, 1});
  EXPECT_FALSE(scaler.unscale(*one.optimizer));
  EXPECT_EQ(scaler.scale(), 32768);
  one.set_gradient({1, std::numeric_limits<float>::quiet_NaN(), 1});
  EXPECT_FALSE(scaler.unscale(*one.optimizer));
  EXPECT_EQ(scaler.scale(), 16384);
  for (std::int64_t i = 0; i < LossScaler::kInterval; ++i) {
    EXPECT_EQ(scaler.scale(), 16384);
    one.set_gradient({1, 1, 1});
    ASSERT_TRUE(scaler.unscale(*one.optimizer));
  }
  EXPECT_EQ(scaler.scale(), 32768);

  LossScaler other;
  other.restore(scaler.state());
  EXPECT_EQ(other.scale(), scaler.scale());
}

TEST(Fit, MeasuresTheGradientsNormWhenItIsAsked) {
  use_one_thread();
  const auto model = models::build(small_plan("full").model, Seed{1});
  model->train_only(model->weights());
  const auto task = tasks::make_task("classification", {.classes = 3});
  data::Loader loader(striped_set(8, 1), {.shape = {1, 8, 8}, .batch_size = 8}, Seed{1});
  ParameterGroup group{{}, 0.0, 0.0};
  for (const auto& [name, tensor] : model->weights()) {
    group.parameters.push_back(tensor);
  }
  Fit fit(*model, *task, loader, make_optimizer({}, {group}), {.epochs = 2, .measure_norm = true});
  const auto step = fit.step();
  double squares = 0;
  for (const at::Tensor& parameter : group.parameters) {
    squares += parameter.grad().to(at::kDouble).square().sum().item<double>();
  }
  EXPECT_NEAR(step->gradient_norm.item<double>(), std::sqrt(squares), 1e-4 * std::sqrt(squares));
}

class OnAGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (torch::cuda::device_count() == 0) {
      GTEST_SKIP() << "no GPU";
    }
    use_one_thread();
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
  }

  /// The loss of the first step, and that after one epoch.
  static std::pair<double, double> losses(const Plan& plan, at::Device device) {
    const StateDict backbone = models::build(plan.model, Seed{3})->backbone();
    Learner learner(plan, backbone, device);
    data::Loader loader(striped_set(24, 1), {.shape = {1, 8, 8}, .batch_size = 24}, Seed{1});
    const auto batch = loader.next();
    const double first = learner.task().loss(learner.model(), *batch).total.item<double>();
    return {first, learner.fit_round(striped_set(24, 1), "a", RoundId{1}, 1).loss};
  }
};

TEST_F(OnAGpu, TheFirstStepHasTheLossOfTheCpu) {
  for (const char* kind : {"lorae", "full", "head"}) {
    const auto [on_cpu, after_on_cpu] = losses(small_plan(kind), at::kCPU);
    const auto [on_gpu, after_on_gpu] = losses(small_plan(kind), device_named("cuda:0"));
    EXPECT_NEAR(on_gpu, on_cpu, 1e-4) << kind;
    EXPECT_NEAR(after_on_gpu, after_on_cpu, 1e-2) << kind;
  }
}

TEST_F(OnAGpu, LearnsInEveryPrecision) {
  for (const Precision precision :
       {Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16}) {
    Plan plan = small_plan("lorae");
    plan.training.precision = precision;
    plan.training.local_epochs = 10;
    const auto [first, last] = losses(plan, device_named("cuda:0"));
    EXPECT_LT(last, first) << name_of(precision);
  }
}

}  // namespace
}  // namespace lorae::training
