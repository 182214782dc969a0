// docs/adding_an_optimizer.md, followed literally.
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"
#include "training/optimizer.h"

namespace lorae::training {
namespace {

TEST(AddingAnOptimizer, ThePageWorks) {
  EXPECT_EQ(optimizer_names().back(), "lion");
  at::Tensor weights = torch::tensor({1.0F, 1.0F, 1.0F}).set_requires_grad(true);
  at::Tensor still = torch::ones({1}).set_requires_grad(true);
  const auto lion = [&] {
    return make_optimizer({.name = "lion", .beta1 = 0.5, .beta2 = 0.5},
                          {{{weights, still}, 0.25, 0}});
  };
  const auto optimizer = lion();
  weights.mutable_grad() = torch::tensor({4.0F, -2.0F, 0.0F});

  optimizer->step({});

  EXPECT_TRUE(weights.detach().equal(torch::tensor({0.75F, 1.25F, 1.0F})));
  EXPECT_EQ(still.item<float>(), 1);
  const StateDict state = optimizer->state();
  EXPECT_TRUE(state.at("moment.0.0").equal(torch::tensor({2.0F, -1.0F, 0.0F})));
  const auto again = lion();
  again->restore(state);
  EXPECT_TRUE(lorae::testing::same_bits(again->state(), state));
}

}  // namespace
}  // namespace lorae::training
