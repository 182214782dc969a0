// Against torch::optim, step by step, in double precision.
#include "training/optimizer.h"

#include <gtest/gtest.h>

#include "adapters/conv2d.h"
#include "adapters/starts.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::training {
namespace {

using lorae::testing::relative_error;

constexpr double kRate = 0.02;
constexpr double kDecay = 0.1;

std::vector<at::Tensor> parameters() {
  std::vector<at::Tensor> all;
  for (std::uint64_t i = 0; i < 3; ++i) {
    all.push_back(adapters::uniform_tensor({4, 5}, 1, Seed{i}).to(torch::kDouble).requires_grad_());
  }
  return all;
}

/// A loss whose gradients change from step to step.
at::Tensor loss_of(const std::vector<at::Tensor>& all, int step) {
  at::Tensor loss = torch::zeros({}, torch::kDouble);
  for (const at::Tensor& tensor : all) {
    loss = loss + (tensor * (step + 1)).sin().sum();
  }
  return loss;
}

void expect_same_steps(const OptimizerOptions& options,
                       torch::optim::Optimizer& theirs_by,
                       const std::vector<at::Tensor>& theirs) {
  const std::vector<at::Tensor> ours = parameters();
  const auto ours_by = make_optimizer(options, {{ours, kRate, kDecay}});
  for (int step = 0; step < 5; ++step) {
    ours_by->zero_gradients();
    loss_of(ours, step).backward();
    ours_by->step({});
    theirs_by.zero_grad();
    loss_of(theirs, step).backward();
    theirs_by.step();
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_LT(relative_error(ours[i].detach(), theirs[i].detach()), 1e-12) << step;
    }
  }
}

TEST(Optimizer, StepsAsTorchsSgd) {
  const auto theirs = parameters();
  torch::optim::SGD by(theirs, torch::optim::SGDOptions(kRate).momentum(0.8).weight_decay(kDecay));
  expect_same_steps({.name = "sgd", .momentum = 0.8}, by, theirs);
}

TEST(Optimizer, StepsAsTorchsAdam) {
  const auto theirs = parameters();
  torch::optim::Adam by(theirs, torch::optim::AdamOptions(kRate).weight_decay(kDecay));
  expect_same_steps({.name = "adam"}, by, theirs);
}

TEST(Optimizer, StepsAsTorchsAdamW) {
  const auto theirs = parameters();
  torch::optim::AdamW by(theirs, torch::optim::AdamWOptions(kRate).weight_decay(kDecay));
  expect_same_steps({.name = "adamw"}, by, theirs);
}

TEST(Optimizer, ScalesTheRateByTheFactor) {
  const auto half = parameters(), whole = parameters();
  const auto by = make_optimizer({}, {{half, kRate}}), other = make_optimizer({}, {{whole, kRate}});
  const auto start = half[0].detach().clone();
  loss_of(half, 1).backward();
  loss_of(whole, 1).backward();
  by->step({.factor = 0.5});
  other->step({});
  EXPECT_LT(relative_error(2 * (half[0].detach() - start), whole[0].detach() - start), 1e-12);
}

}  // namespace
}  // namespace lorae::training
