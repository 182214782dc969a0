#include "experiment/fitted_rank.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lorae::experiment {
namespace {

MethodConfig method(std::int64_t bytes, adapters::Factors factors = adapters::Factors::kBoth) {
  MethodConfig method;
  method.lorae.rank = 0;
  method.train = factors;
  method.max_uplink = {bytes};
  return method;
}

adapters::LoraeOptions fitted(const MethodConfig& asked) {
  return with_fitted_rank(asked, models::ModelOptions{.name = "resnet8"}).lorae;
}

/// resnet8 has 1,290 numbers in its head, and 3,945 in the factors of each component, 672 of them
/// in mappers.
TEST(FittedRank, IsTheLargestThatABoundLetsThrough) {
  EXPECT_EQ(fitted(method(2000)).rank, 3) << "13,125 numbers; 17,070 are more than 13,333";
  EXPECT_EQ(fitted(method(10'000)).rank, 16);
  EXPECT_EQ(fitted(method(2000, adapters::Factors::kMapper)).rank, 17);
  EXPECT_EQ(fitted(method(100)).rank, 1) << "coarser steps make it fit";
  EXPECT_EQ(fitted(method(100'000'000)).rank, 64);
}

TEST(FittedRank, KeepsTheScalingAndCountsNoResidual) {
  MethodConfig asked = method(2000);
  asked.lorae.residual_rank = 16;
  EXPECT_EQ(fitted(asked).rank, 3);
  EXPECT_EQ(fitted(asked).alpha, 6) << "16 at rank 8";
  EXPECT_EQ(fitted(asked).residual_rank, 16);
}

TEST(FittedRank, CountsWhatMovesInARound) {
  EXPECT_EQ(fitted(method(2000, adapters::Factors::kAlternating)).rank, 3)
      << "3,273 numbers in extractors";
  EXPECT_EQ(fitted(method(1000, adapters::Factors::kCore)).rank, 24) << "of nine layers";
  MethodConfig stable = method(10'000);
  stable.lorae.scaling = "rslora";
  EXPECT_DOUBLE_EQ(fitted(stable).alpha / std::sqrt(16), 16 / std::sqrt(8));
}

/// Beyond a rank, adapters are larger than their weights, one layer after the other.
TEST(FittedRank, LosesNoLayerThatItsTargetsTakeAtASmallerRank) {
  MethodConfig efficient = method(1'000'000);
  efficient.lorae.targets = "efficient";
  const std::int64_t rank = fitted(efficient).rank;
  EXPECT_GT(rank, 8);
  EXPECT_LT(rank, 64);
}

TEST(FittedRank, LeavesOtherMethodsAsTheyAre) {
  MethodConfig given = method(2000);
  given.lorae.rank = 3;
  EXPECT_EQ(fitted(given).rank, 3);
  EXPECT_EQ(fitted(given).alpha, 16);
  MethodConfig full = method(2000);
  full.kind = adapters::Kind::kFull;
  EXPECT_EQ(fitted(full).rank, 0);
}

}  // namespace
}  // namespace lorae::experiment
