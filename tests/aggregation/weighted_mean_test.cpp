#include "aggregation/weighted_mean.h"

#include <numeric>

#include "adapters/conv2d.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using testing::expect_error;
using testing::same_bits;

StateDict delta(std::vector<float> a, std::vector<float> b) {
  return StateDict({{"a", torch::tensor(a)}, {"b", torch::tensor(b)}});
}

struct Update {
  StateDict delta;
  std::int64_t num_examples = 0;
};

/// Deltas in which the order of summation would show in float32.
std::vector<Update> updates(std::size_t count) {
  std::vector<Update> all;
  for (std::size_t i = 0; i < count; ++i) {
    const double bound = std::pow(10.0, static_cast<double>(i % 7) - 3);
    all.push_back({StateDict({{"w", adapters::uniform_tensor({5, 20}, bound, Seed{i + 1})}}),
                   static_cast<std::int64_t>(i * 13 % 50 + 1)});
  }
  return all;
}

StateDict mean_of(const std::vector<Update>& all) {
  WeightedMean mean;
  for (const Update& update : all) {
    mean.add(update.delta, update.num_examples);
  }
  return mean.finish();
}

TEST(WeightedMean, WeighsByTheNumberOfExamples) {
  WeightedMean mean;
  mean.add(delta({1, 2}, {-1}), 1);
  mean.add(delta({5, 6}, {3}), 3);

  const StateDict result = mean.finish();

  EXPECT_TRUE(result.at("a").equal(torch::tensor({4.0, 5.0}, torch::kDouble)));
  EXPECT_TRUE(result.at("b").equal(torch::tensor({2.0}, torch::kDouble)));
  EXPECT_EQ(result.size(), 2U);
}

TEST(WeightedMean, OfOneUpdateIsThatUpdate) {
  const StateDict result = mean_of({{delta({1, 2}, {0.1F}), 17}});
  EXPECT_TRUE(result.at("a").equal(torch::tensor({1.0, 2.0}, torch::kDouble)));
  EXPECT_NEAR(result.at("b").item<double>(), 0.1F, 1e-16);
}

TEST(WeightedMean, RepeatsBitForBitInOneOrder) {
  EXPECT_TRUE(same_bits(mean_of(updates(50)), mean_of(updates(50))));
}

TEST(WeightedMean, DependsOnTheOrderOnlyByRoundingInDouble) {
  std::vector<Update> shuffled = updates(50);
  Random random(1);
  random.shuffle(std::span(shuffled));
  const at::Tensor in_order = mean_of(updates(50)).at("w");
  const at::Tensor other = mean_of(shuffled).at("w");
  EXPECT_LT(testing::relative_error(other, in_order), 1e-14);
}

TEST(WeightedMean, SumsInDouble) {
  // In float32, 2^24 + 1 is lost.
  const StateDict result = mean_of({{delta({16777216}, {0}), 1}, {delta({1}, {0}), 1}});
  EXPECT_EQ(result.at("a").item<double>(), 16777217.0 / 2);
}

TEST(WeightedMean, IsLinearInTheDeltas) {
  std::vector<Update> doubled = updates(20);
  for (Update& update : doubled) {
    update.delta = StateDict({{"w", update.delta.at("w") * 2}});
  }
  const at::Tensor twice = mean_of(updates(20)).at("w") * 2;
  EXPECT_TRUE(same_bits(mean_of(doubled).at("w"), twice)) << "a factor of two rounds nothing";
}

TEST(WeightedMean, SeesOnlyTheRatiosOfTheWeights) {
  std::vector<Update> scaled = updates(20);
  for (Update& update : scaled) {
    update.num_examples *= 1024;
  }
  EXPECT_TRUE(same_bits(mean_of(scaled), mean_of(updates(20))));
}

TEST(WeightedMean, IsEmptyAfterFinish) {
  WeightedMean mean;
  mean.add(delta({1}, {1}), 4);
  mean.finish();
  mean.add(StateDict({{"other", torch::tensor({2.0F})}}), 1);
  const StateDict result = mean.finish();
  EXPECT_EQ(result.size(), 1U);
  EXPECT_EQ(result.at("other").item<double>(), 2.0);
}

TEST(WeightedMean, LeavesTheDeltasAlone) {
  const StateDict first = delta({1, 2}, {3});
  const StateDict before = first.clone();
  mean_of({{first, 3}, {delta({4, 5}, {6}), 1}});
  EXPECT_TRUE(same_bits(first, before));
}

TEST(WeightedMean, ReadsStridedTensors) {
  const at::Tensor matrix = torch::arange(6, torch::kFloat).view({2, 3});
  const StateDict result = mean_of({{StateDict({{"w", matrix.t()}}), 2}});
  EXPECT_TRUE(result.at("w").equal(matrix.t().to(torch::kDouble)));
}

TEST(WeightedMean, RefusesAWeightThatIsNotPositive) {
  for (const std::int64_t count : {0, -3}) {
    WeightedMean mean;
    expect_error(
        ErrorCode::kInvalidArgument, [&] { mean.add(delta({1}, {1}), count); },
        str("[weighted_mean] expected a positive number of examples, got ", count));
  }
}

TEST(WeightedMean, RefusesADeltaOfAnotherModelAndGoesOn) {
  WeightedMean mean;
  mean.add(delta({1}, {1}), 1);
  expect_error(
      ErrorCode::kIncompatible,
      [&] {
        mean.add(delta({1, 2}, {1}), 1);
      },
      "[state_dict] 'a': expected shape [1], got [2]");
  expect_error(
      ErrorCode::kIncompatible,
      [&] {
        mean.add(StateDict({{"a", torch::tensor({1.0F})}}), 1);
      },
      "[state_dict] 'b' is missing");
  mean.add(delta({3}, {1}), 1);
  EXPECT_EQ(mean.finish().at("a").item<double>(), 2.0);
}

TEST(WeightedMean, RefusesToFinishWithoutUpdates) {
  WeightedMean mean;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { mean.finish(); }, "[weighted_mean] nothing was added");
}

}  // namespace
}  // namespace lorae::aggregation
