#include "ops/maps/max_pool.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::ops {
namespace {

using testing::same_bits;

TEST(MaxPool, IsLibTorchsForwardAndBackward) {
  torch::manual_seed(5);
  struct Case {
    std::int64_t kernel, stride, padding, height, width;
  };
  for (const Case& c : {Case{5, 1, 2, 10, 9}, Case{3, 2, 1, 13, 16}, Case{3, 2, 1, 8, 8},
                        Case{2, 2, 0, 7, 9}, Case{5, 1, 2, 1, 2}, Case{3, 3, 1, 11, 5}}) {
    SCOPED_TRACE(str("kernel ", c.kernel, " stride ", c.stride, " on ", c.height, " x ", c.width));
    const at::Tensor x = torch::randn({2, 3, c.height, c.width});
    // Few different values: ties.
    for (const at::Tensor& values : {x, (x * 2).round()}) {
      const at::Tensor a = values.clone().set_requires_grad(true);
      const at::Tensor b = values.clone().set_requires_grad(true);
      const at::Tensor ours = max_pool(a, c.kernel, c.stride, c.padding);
      const at::Tensor theirs =
          at::max_pool2d(b, {c.kernel, c.kernel}, {c.stride, c.stride}, {c.padding, c.padding});
      const at::Tensor slope = torch::randn_like(theirs);
      ours.backward(slope);
      theirs.backward(slope);
      EXPECT_TRUE(same_bits(ours.detach(), theirs.detach()));
      EXPECT_LT(testing::relative_error(a.grad(), b.grad()), 1e-6);
    }
  }
}

TEST(MaxPool, PassesNanOn) {
  at::Tensor x = torch::zeros({1, 1, 4, 4});
  x[0][0][1][1] = std::nan("");
  const at::Tensor y = max_pool(x.clone().set_requires_grad(true), 3, 1, 1);
  EXPECT_EQ(y.isnan().sum().item<int>(), 9);
}

TEST(MaxPool, OfMinusInfinityHasNoGradient) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const at::Tensor x = torch::full({1, 1, 3, 3}, -kInfinity).set_requires_grad(true);
  const at::Tensor y = max_pool(x, 3, 2, 1);
  y.backward(torch::ones_like(y));
  EXPECT_EQ(y.detach().max().item<float>(), -kInfinity);
  EXPECT_LE(x.grad().sum().item<float>(), 4.0F);
}

}  // namespace
}  // namespace lorae::ops
