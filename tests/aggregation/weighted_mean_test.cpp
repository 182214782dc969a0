#include "aggregation/weighted_mean.h"

#include <cmath>

#include "adapters/conv2d.h"
#include "adapters/starts.h"
#include "aggregation/cuda/sum.h"
#include "base/seed.h"
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

TEST(WeightedMean, IsTheSameBitsInEveryOrder) {
  std::vector<Update> shuffled = updates(50);
  const StateDict expected = mean_of(shuffled);
  Random random(1);
  for (int round = 0; round < 20; ++round) {
    random.shuffle(std::span(shuffled));
    EXPECT_TRUE(same_bits(mean_of(shuffled), expected));
  }
}

TEST(WeightedMean, IsTheSameBitsInEveryTree) {
  const std::vector<Update> all = updates(50);
  Random random(2);
  for (int round = 0; round < 20; ++round) {
    std::vector<WeightedMean> parts(1 + random.below(9));
    for (const Update& update : all) {
      parts[random.below(parts.size())].add(update.delta, update.num_examples);
    }
    while (parts.size() > 1) {
      const WeightedMean part = parts.back();
      parts.pop_back();
      parts[random.below(parts.size())].merge(part);
    }
    EXPECT_EQ(parts[0].updates(), 50);
    EXPECT_TRUE(same_bits(parts[0].finish(), mean_of(all)));
  }
}

TEST(WeightedMean, MergesWithNothing) {
  WeightedMean mean, nothing;
  mean.add(delta({1, 2}, {3}), 5);
  mean.merge(nothing);
  nothing.merge(mean);
  mean.add(delta({1, 2}, {3}), 5);
  EXPECT_EQ(nothing.updates(), 1);
  EXPECT_TRUE(same_bits(nothing.finish(), mean.finish()));
}

TEST(WeightedMean, IsTheSameOnACudaDevice) {
  if (!cuda::available() || !torch::cuda::is_available()) {
    GTEST_SKIP() << cuda::why_unavailable() << "; LibTorch sees " << torch::cuda::device_count()
                 << " CUDA devices";
  }
  const std::vector<Update> all = updates(50);
  WeightedMean mean;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const at::Tensor w = all[i].delta.at("w");
    mean.add(StateDict({{"w", i % 3 == 0 ? w : w.cuda()}}), all[i].num_examples);
  }
  EXPECT_EQ(mean.cuda_updates(), 33);
  expect_error(
      ErrorCode::kCorruptData,
      [&] {
        mean.add(StateDict({{"w", torch::full({5, 20}, NAN).cuda()}}), 1);
      },
      "[weighted_mean] 'w'");
  EXPECT_TRUE(same_bits(mean.finish(), mean_of(all)));
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

TEST(WeightedMean, RefusesAWeightOutOfRange) {
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{-3}, (std::int64_t{1} << 40) + 1}) {
    WeightedMean mean;
    expect_error(
        ErrorCode::kInvalidArgument, [&] { mean.add(delta({1}, {1}), count); },
        str("[weighted_mean] expected 1 to 2^40 examples, got ", count));
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

TEST(WeightedMean, RefusesNumbersThatAreNoneAndIsAsBefore) {
  const StateDict first = delta({1, 2}, {3});
  const float too_large = 0x1p29F / 4;
  for (const float bad : {NAN, INFINITY, -INFINITY, too_large, -too_large}) {
    WeightedMean mean;
    const auto refuses = [&](const StateDict& update, const char* name) {
      expect_error(
          ErrorCode::kCorruptData, [&] { mean.add(update, 4); },
          str("[weighted_mean] '", name, "': a number is NaN, Inf or, 4 times, not below 2^29"));
    };
    refuses(StateDict({{"of another model", torch::tensor({bad})}}), "of another model");
    mean.add(first, 5);
    refuses(delta({1, bad}, {1}), "a");
    refuses(delta({1, 2}, {bad}), "b");
    EXPECT_EQ(mean.updates(), 1);
    EXPECT_EQ(mean.cuda_updates(), 0);
    EXPECT_TRUE(same_bits(mean.finish(), mean_of({{first, 5}})));
  }
}

TEST(WeightedMean, RefusesOtherTypesThanFloat32) {
  WeightedMean mean;
  expect_error(
      ErrorCode::kIncompatible,
      [&] {
        mean.add(StateDict({{"a", torch::tensor({1.0}, torch::kDouble)}}), 1);
      },
      "[weighted_mean] 'a': expected float32");
}

TEST(WeightedMean, RefusesToMergeAPartOfAnotherModel) {
  WeightedMean mean, other;
  mean.add(delta({1, 2}, {3}), 1);
  other.add(delta({1}, {3}), 1);
  expect_error(
      ErrorCode::kIncompatible, [&] { mean.merge(other); },
      "[state_dict] 'a': expected shape [2], got [1]");
  EXPECT_EQ(mean.updates(), 1);
}

TEST(WeightedMean, RefusesToFinishWithoutUpdates) {
  WeightedMean mean;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { mean.finish(); }, "[weighted_mean] nothing was added");
}

}  // namespace
}  // namespace lorae::aggregation
