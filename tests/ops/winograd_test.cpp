#include "ops/conv/winograd.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::ops {
namespace {

using testing::relative_error;

struct Case {
  std::int64_t images, in, out, padding, height, width;
};

/// Channels that fill blocks and do not, maps narrower than a vector, edges within a tile, chunks
/// of several images and images of several chunks.
constexpr Case kCases[] = {{1, 24, 24, 1, 56, 56}, {3, 33, 50, 1, 13, 11}, {17, 16, 20, 1, 7, 7},
                           {2, 5, 3, 0, 9, 30},    {1, 40, 17, 2, 6, 5},   {1, 300, 40, 1, 14, 14},
                           {2, 8, 70, 1, 70, 130}, {1, 1, 1, 1, 1, 1},     {1, 3, 4, 0, 3, 3}};

at::Tensor as_double(const at::Tensor& t) {
  return t.to(at::kDouble);
}

TEST(Winograd, IsAConvolution) {
  torch::manual_seed(1);
  for (const Case& c : kCases) {
    SCOPED_TRACE(str(c.images, " x ", c.in, "->", c.out, " padding ", c.padding, " on ", c.height,
                     " x ", c.width));
    const at::Tensor x = torch::randn({c.images, c.in, c.height, c.width});
    const at::Tensor weight = torch::randn({c.out, c.in, 3, 3});
    for (const at::Tensor& bias : {torch::randn({c.out}), at::Tensor()}) {
      const at::Tensor expected =
          at::conv2d(as_double(x), as_double(weight), bias.defined() ? as_double(bias) : bias, {1},
                     {c.padding, c.padding});
      const at::Tensor y = winograd(x, weight, bias, c.padding);
      ASSERT_EQ(y.sizes(), expected.sizes());
      EXPECT_LT(relative_error(as_double(y), expected), 3e-5);
    }
  }
}

TEST(Winograd, GivesTheGradientOfItsInput) {
  torch::manual_seed(2);
  for (const Case& c : kCases) {
    SCOPED_TRACE(str(c.images, " x ", c.in, "->", c.out, " padding ", c.padding, " on ", c.height,
                     " x ", c.width));
    const at::Tensor x =
        torch::randn({c.images, c.in, c.height, c.width}, at::kDouble).requires_grad_(true);
    const at::Tensor weight = torch::randn({c.out, c.in, 3, 3});
    const at::Tensor y = at::conv2d(x, as_double(weight), {}, {1}, {c.padding, c.padding});
    const at::Tensor dy = torch::randn(y.sizes());
    y.backward(as_double(dy));
    const at::Tensor dx = winograd_input_gradient(dy, weight, c.padding);
    ASSERT_EQ(dx.sizes(), x.sizes());
    EXPECT_LT(relative_error(as_double(dx), x.grad()), 3e-5);
  }
}

TEST(Winograd, ReadsMapsThatAreNotContiguous) {
  torch::manual_seed(3);
  const at::Tensor x = torch::randn({2, 12, 9, 8}).transpose(2, 3);
  const at::Tensor weight = torch::randn({20, 24, 3, 3}).slice(1, 0, 24, 2);
  EXPECT_LT(relative_error(winograd(x, weight, {}, 1), at::conv2d(x, weight, {}, {1}, {1, 1})),
            3e-5);
}

TEST(Winograd, TakesNoImages) {
  const at::Tensor x = torch::zeros({0, 3, 8, 9});
  EXPECT_EQ(winograd(x, torch::zeros({5, 3, 3, 3}), {}, 1).sizes(), at::IntArrayRef({0, 5, 8, 9}));
}

TEST(Winograd, IsForLargeLayersOfItsGeometry) {
  const at::Tensor weight = torch::zeros({32, 32, 3, 3}), map = torch::zeros({1, 32, 20, 20});
  const Conv2dOptions fits{.in_channels = 32, .out_channels = 32, .kernel = 3, .padding = 1};
  EXPECT_TRUE(suits_winograd(weight, fits, map));
  Conv2dOptions strided = fits, dilated = fits, grouped = fits;
  strided.stride = 2;
  dilated.dilation = 2;
  grouped.groups = 2;
  for (const Conv2dOptions& other : {strided, dilated, grouped}) {
    EXPECT_FALSE(suits_winograd(weight, other, map));
  }
  EXPECT_FALSE(suits_winograd(weight, fits, map.slice(2, 0, 4)));
  EXPECT_FALSE(suits_winograd(weight.slice(0, 0, 8), fits, map));
  Conv2dOptions unpadded = fits;
  unpadded.padding = 0;
  EXPECT_FALSE(suits_winograd(weight, unpadded, torch::zeros({1, 32, 2, 200}))) << "no output";
  EXPECT_FALSE(suits_winograd(as_double(weight), fits, as_double(map)));
}

}  // namespace
}  // namespace lorae::ops
