#include "tasks/vision/semantic_loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/dataset.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::tasks::vision {
namespace {

at::Tensor mask(std::vector<std::uint8_t> pixels) {
  return torch::tensor(std::vector<std::int64_t>(pixels.begin(), pixels.end()))
      .to(at::kByte)
      .view({1, 1, -1});
}

TEST(SemanticLoss, OfEqualLogitsIsKnown) {
  // Four pixels of three channels, each with the probability 1 / 3. Channel 2 is nowhere.
  const at::Tensor logits = torch::zeros({1, 3, 1, 4}, at::kDouble).set_requires_grad(true);
  const SemanticLoss loss = semantic_loss(logits, mask({0, 0, 0, 1}));
  EXPECT_NEAR(loss.entropy.item<double>(), std::log(3), 1e-12);
  const double background = 1 - 2 * 1 / (4.0 / 3 + 3), first = 1 - 2 * (1.0 / 3) / (4.0 / 3 + 1);
  EXPECT_NEAR(loss.dice.item<double>(), (background + first) / 3, 1e-12);
  EXPECT_NEAR(loss.total.item<double>(), std::log(3) + (background + first) / 3, 1e-12);
  loss.total.backward();
  // d entropy / d logit = (p - y) / 4; the rest by differences.
  const double step = 1e-5;
  for (std::int64_t i = 0; i < 12; ++i) {
    const auto at = [&](double change) {
      const at::Tensor moved = logits.detach().clone();
      moved.view(-1)[i] += change;
      return semantic_loss(moved, mask({0, 0, 0, 1})).total.item<double>();
    };
    EXPECT_NEAR(logits.grad().view(-1)[i].item<double>(), (at(step) - at(-step)) / (2 * step),
                1e-9);
  }
}

TEST(SemanticLoss, OfOneChannelIsBinary) {
  const at::Tensor logits = torch::zeros({1, 1, 1, 4}, at::kDouble);
  const SemanticLoss loss = semantic_loss(logits, mask({0, 0, 0, 1}));
  EXPECT_NEAR(loss.entropy.item<double>(), std::log(2), 1e-12);
  EXPECT_NEAR(loss.dice.item<double>(), 1 - 2 * 0.5 / (2 + 1), 1e-12);
}

TEST(SemanticLoss, PixelsThatDoNotCountAreInNoSum) {
  torch::manual_seed(1);
  const at::Tensor logits = torch::randn({1, 3, 1, 4}, at::kDouble);
  const auto few = semantic_loss(logits.slice(3, 0, 3), mask({1, 2, 0}));
  const auto all = semantic_loss(logits, mask({1, 2, 0, data::kVoid}));
  EXPECT_NEAR(all.entropy.item<double>(), few.entropy.item<double>(), 1e-12);
  EXPECT_NEAR(all.dice.item<double>(), few.dice.item<double>(), 1e-12);
  const auto none = semantic_loss(logits, mask(std::vector<std::uint8_t>(4, data::kVoid)));
  EXPECT_EQ(none.total.item<double>(), 0);
}

TEST(SemanticLoss, IsSmallWhereAllIsRightAndSaysWhatDoesNotFit) {
  const at::Tensor truth = mask({0, 1, 2, 1});
  at::Tensor logits = torch::full({1, 3, 1, 4}, -30.0, at::kDouble);
  logits.scatter_(1, truth.unsqueeze(1).to(at::kLong), 30.0);
  EXPECT_LT(semantic_loss(logits, truth).total.item<double>(), 1e-6);
  lorae::testing::expect_error(
      ErrorCode::kInvalidArgument,
      [&] {
        semantic_loss(logits, mask({0, 1}));
      },
      "do not fit");
}

TEST(PixelLabels, AreTheLikeliest) {
  const at::Tensor logits = torch::tensor({0., 3., 1., 2., 0., 2., 0., 0., 0.}).view({1, 3, 1, 3});
  const auto labels = pixel_labels(logits);
  EXPECT_TRUE(labels.classes.equal(mask({1, 0, 1})));
  EXPECT_NEAR(labels.scores[0][0][1].item<double>(), std::exp(3) / (std::exp(3) + 2), 1e-6);
  const auto binary = pixel_labels(torch::tensor({-1., 1.}).view({1, 1, 1, 2}));
  EXPECT_TRUE(binary.classes.equal(mask({0, 1})));
  EXPECT_GT(binary.scores.min().item<double>(), 0.7);
}

}  // namespace
}  // namespace lorae::tasks::vision
