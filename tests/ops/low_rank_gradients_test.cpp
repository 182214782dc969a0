#include "ops/conv/low_rank_gradients.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::ops {
namespace {

using testing::relative_error;

struct Case {
  std::int64_t images, in, out, kernel, stride, padding, dilation, height, width;
};

/// More channels than a block has, more rows than a band, images that share a band, rows that fill
/// blocks and rows that do not.
constexpr Case kCases[] = {{2, 20, 70, 3, 1, 1, 1, 13, 11},  {1, 10, 16, 3, 1, 1, 1, 70, 66},
                           {2, 12, 130, 3, 2, 1, 1, 33, 30}, {1, 3, 16, 7, 2, 3, 1, 64, 50},
                           {2, 90, 20, 1, 1, 0, 1, 16, 12},  {5, 90, 70, 1, 1, 0, 1, 7, 7},
                           {3, 100, 65, 1, 1, 0, 1, 56, 48}, {2, 33, 17, 1, 2, 0, 1, 15, 14},
                           {2, 9, 40, 3, 1, 2, 2, 20, 19},   {2, 9, 40, 3, 2, 2, 2, 20, 19},
                           {1, 5, 24, 5, 3, 2, 1, 31, 40},   {1, 17, 32, 3, 1, 0, 1, 9, 9},
                           {1, 8, 8, 1, 1, 1, 1, 6, 5},      {17, 8, 8, 3, 1, 1, 1, 1, 1},
                           {1, 6, 300, 3, 1, 1, 1, 3, 1500}};

Conv2dOptions options_of(const Case& c) {
  return {.in_channels = c.in,
          .out_channels = c.out,
          .kernel = c.kernel,
          .stride = c.stride,
          .padding = c.padding,
          .dilation = c.dilation};
}

/// What autograd gives in double for the two convolutions, y = B(A x).
LowRankGradients reference(const at::Tensor& x,
                           const at::Tensor& dy,
                           const at::Tensor& a,
                           const at::Tensor& b,
                           const Case& c) {
  const at::Tensor extractor = a.to(at::kDouble).requires_grad_(true);
  const at::Tensor mapper = b.to(at::kDouble).requires_grad_(true);
  const at::Tensor low = at::conv2d(x.to(at::kDouble), extractor, {}, {c.stride, c.stride},
                                    {c.padding, c.padding}, {c.dilation, c.dilation});
  at::conv2d(low, mapper.unsqueeze(2).unsqueeze(3)).backward(dy.to(at::kDouble));
  return {extractor.grad(), mapper.grad()};
}

TEST(LowRankGradients, AreThoseOfTwoConvolutions) {
  torch::manual_seed(1);
  for (const Case& c : kCases) {
    for (const std::int64_t rank : {1, 3, 8, 13}) {
      SCOPED_TRACE(str(c.images, " x ", c.in, "->", c.out, " kernel ", c.kernel, " stride ",
                       c.stride, " padding ", c.padding, " dilation ", c.dilation, " on ", c.height,
                       " x ", c.width, " rank ", rank));
      const at::Tensor x = torch::randn({c.images, c.in, c.height, c.width});
      const at::Tensor a = torch::randn({rank, c.in, c.kernel, c.kernel});
      const at::Tensor b = torch::randn({c.out, rank});
      const at::Tensor y =
          at::conv2d(x, torch::zeros({c.out, c.in, c.kernel, c.kernel}), {}, {c.stride, c.stride},
                     {c.padding, c.padding}, {c.dilation, c.dilation});
      const at::Tensor dy = torch::randn_like(y);
      const LowRankGradients expected = reference(x, dy, a, b, c);
      const LowRankGradients got = low_rank_gradients(sources_of(x), dy, a, b, options_of(c));
      EXPECT_LT(relative_error(got.extractor.to(at::kDouble), expected.extractor), 3e-6);
      EXPECT_LT(relative_error(got.mapper.to(at::kDouble), expected.mapper), 3e-6);
    }
  }
}

TEST(LowRankGradients, OfAMapThatIsMadeAgainAreThoseOfTheMap) {
  torch::manual_seed(2);
  const auto leaf = [](std::int64_t channels) {
    return torch::randn({2, channels, 12, 10}).set_requires_grad(true);
  };
  const at::Tensor z = leaf(8), other = leaf(4), plain = leaf(5);
  const auto parts = ops::halves(ops::silu(z));
  const at::Tensor x = ops::cat({parts[1], parts[0] + ops::silu(other), plain});
  const Case c{2, 13, 24, 3, 1, 1, 1, 12, 10};
  const at::Tensor a = torch::randn({4, 13, 3, 3}), b = torch::randn({24, 4});
  const at::Tensor dy = torch::randn({2, 24, 12, 10});
  const LowRankGradients made = low_rank_gradients(sources_of(x), dy, a, b, options_of(c));
  const LowRankGradients kept = low_rank_gradients(sources_of(x.detach()), dy, a, b, options_of(c));
  EXPECT_EQ(sources_of(x).size(), 3U);
  EXPECT_TRUE(testing::same_bits(made.extractor, kept.extractor));
  EXPECT_TRUE(testing::same_bits(made.mapper.contiguous(), kept.mapper.contiguous()));
}

}  // namespace
}  // namespace lorae::ops
