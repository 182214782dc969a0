#include "ops/maps/remake.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::ops {
namespace {

using testing::expect_error;
using testing::relative_error;
using testing::same_bits;

at::Tensor leaf(std::int64_t channels, at::ScalarType type = at::kFloat) {
  return torch::randn({2, channels, 5, 7}).to(type).set_requires_grad(true);
}

/// As a C2f block does it, by our operations or by LibTorch's.
at::Tensor block(const at::Tensor& z, const at::Tensor& inner, bool ours) {
  if (ours) {
    const auto parts = ops::halves(ops::silu(z));
    return ops::cat({parts[0], parts[1], parts[1] + ops::silu(inner)});
  }
  const auto parts = at::silu(z).chunk(2, 1);
  return at::cat({parts[0], parts[1], parts[1] + at::silu(inner)}, 1);
}

TEST(Remake, ActsAsLibTorch) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const double tolerance = type == at::kFloat ? 1e-6 : 1e-14;
    torch::manual_seed(3);
    const at::Tensor z = leaf(6, type), inner = leaf(3, type);
    const at::Tensor weights = torch::randn({2, 9, 5, 7}).to(type);
    std::vector<at::Tensor> results;
    for (const bool ours : {true, false}) {
      z.mutable_grad().reset();
      inner.mutable_grad().reset();
      const at::Tensor y = block(z, inner, ours);
      (y * weights).sum().backward();
      results.insert(results.end(), {y.detach(), z.grad().clone(), inner.grad().clone()});
    }
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_LT(relative_error(results[i], results[i + 3]), tolerance) << type << ' ' << i;
    }
  }
}

TEST(Remake, GivesTheSameBitsAgain) {
  torch::manual_seed(4);
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor z = leaf(6, type), inner = leaf(3, type);
    const at::Tensor x = block(z, inner, true);
    const at::Tensor again = remake(sources_of(x));
    EXPECT_LT(relative_error(again, x.detach()), 1e-15);
    EXPECT_TRUE(type == at::kDouble || same_bits(again, x.detach()));
    const auto parts = ops::halves(x.slice(1, 0, 8));  // of a map that nobody noted
    EXPECT_TRUE(same_bits(remake(sources_of(parts[1])), parts[1].detach().contiguous()));
  }
}

TEST(Remake, KeepsWhatConvolutionsGaveAndSums) {
  const at::Tensor z = leaf(6), inner = leaf(3);
  const Sources sources = sources_of(block(z, inner, true));
  ASSERT_EQ(sources.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sources[i].channels, 3);
    EXPECT_EQ(sources[i].silu, i < 2);
    EXPECT_EQ(sources[i].map.is_alias_of(z), i < 2);
  }
}

TEST(Remake, IsPlainWithoutAGradient) {
  const at::Tensor z = torch::randn({2, 4, 5, 7});
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(same_bits(ops::silu(z), at::silu(z)));
  EXPECT_TRUE(same_bits(ops::cat({z, z}), at::cat({z, z}, 1)));
}

TEST(Remake, RefusesASecondBackwardPass) {
  const at::Tensor loss = ops::silu(leaf(4)).sum();
  loss.backward({}, /*retain_graph=*/true);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { loss.backward(); }, "a second backward pass");
}

TEST(Remake, RefusesAMapThatWasChangedInPlace) {
  const at::Tensor z = torch::randn({2, 4, 5, 7});
  const Sources sources = sources_of(z);
  z.add_(1);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { remake(sources); }, "changed in place");
}

}  // namespace
}  // namespace lorae::ops
