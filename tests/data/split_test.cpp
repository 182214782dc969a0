#include "data/split.h"

#include <algorithm>
#include <limits>
#include <set>

#include "tests/data/files.h"

namespace lorae::data {
namespace {

using testing::expect_error;

TEST(SplitDomain, DrawsDisjointSortedSetsOfTheAskedSizes) {
  const DomainSplit split = split_domain(100, 30, 50, Seed{1});
  EXPECT_EQ(split.public_indices.size(), 30U);
  EXPECT_EQ(split.private_indices.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(split.public_indices));
  EXPECT_TRUE(std::ranges::is_sorted(split.private_indices));
  std::set<std::int64_t> all(split.public_indices.begin(), split.public_indices.end());
  all.insert(split.private_indices.begin(), split.private_indices.end());
  EXPECT_EQ(all.size(), 80U);
  EXPECT_GE(*all.begin(), 0);
  EXPECT_LT(*all.rbegin(), 100);
}

TEST(SplitDomain, DependsOnTheSeed) {
  const auto draw = [](Seed seed) { return split_domain(100, 30, 30, seed).private_indices; };
  EXPECT_EQ(draw(Seed{1}), draw(Seed{1}));
  EXPECT_NE(draw(Seed{1}), draw(Seed{2}));
}

TEST(SplitDomain, ThePublicSetDoesNotDependOnThePrivateOne) {
  EXPECT_EQ(split_domain(100, 30, 10, Seed{1}).public_indices,
            split_domain(100, 30, 70, Seed{1}).public_indices);
}

TEST(SplitDomain, TakesAllOrNothing) {
  EXPECT_EQ(split_domain(10, 10, 0, Seed{1}).public_indices.size(), 10U);
  EXPECT_TRUE(split_domain(10, 0, 0, Seed{1}).private_indices.empty());
}

TEST(SplitDomain, RefusesMoreThanThereIs) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  expect_error(
      ErrorCode::kInvalidConfig, [] { split_domain(100, 60, 41, Seed{1}); },
      "cannot take 60 public and 41 private images out of 100; ask for fewer");
  expect_error(
      ErrorCode::kInvalidConfig, [] { split_domain(100, kHuge, kHuge, Seed{1}); }, "out of 100");
  expect_error(
      ErrorCode::kInvalidConfig, [] { split_domain(100, -1, 5, Seed{1}); }, "-1 public");
}

}  // namespace
}  // namespace lorae::data
