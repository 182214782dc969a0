#include "data/partition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/data/files.h"

namespace lorae::data {
namespace {

using testing::expect_error;

constexpr Seed kSeed{42};

std::vector<std::int64_t> ten_classes(std::int64_t n) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < n; ++i) {
    labels.push_back(i * i / 7 % 10);  // uneven and in no order
  }
  return labels;
}

void expect_cover(const Shares& shares, std::int64_t n) {
  std::vector<int> seen(static_cast<std::size_t>(n), 0);
  for (const auto& share : shares) {
    EXPECT_TRUE(std::ranges::is_sorted(share));
    for (const std::int64_t index : share) {
      ++seen.at(static_cast<std::size_t>(index));
    }
  }
  EXPECT_TRUE(std::ranges::all_of(seen, [](int times) { return times == 1; }));
}

/// The mean over shares of the largest class's fraction: 0.1 for even classes, 1 for pure shares.
double skew(const Shares& shares, const std::vector<std::int64_t>& labels) {
  double sum = 0.0;
  for (const auto& share : shares) {
    std::vector<double> counts(10, 0.0);
    for (const std::int64_t index : share) {
      ++counts.at(static_cast<std::size_t>(labels[static_cast<std::size_t>(index)]));
    }
    sum += std::ranges::max(counts) / static_cast<double>(share.size());
  }
  return sum / static_cast<double>(shares.size());
}

TEST(PartitionIid, CoversAllInSharesOfNearlyOneSize) {
  for (const std::int64_t n : {7, 20, 103}) {
    const Shares shares = partition_iid(n, 7, kSeed);
    ASSERT_EQ(shares.size(), 7U);
    expect_cover(shares, n);
    const auto [smallest, largest] =
        std::ranges::minmax(shares, {}, [](const auto& share) { return share.size(); });
    EXPECT_LE(largest.size() - smallest.size(), 1U);
  }
}

TEST(PartitionIid, DependsOnTheSeedOnly) {
  EXPECT_EQ(partition_iid(100, 4, kSeed), partition_iid(100, 4, kSeed));
  EXPECT_NE(partition_iid(100, 4, kSeed), partition_iid(100, 4, Seed{43}));
}

TEST(PartitionIid, RefusesEmptyShares) {
  for (const std::int64_t shares : {-1, 0, 6}) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { partition_iid(5, shares, kSeed); },
        str("cannot deal 5 images into ", shares, " shares"));
  }
}

TEST(PartitionDirichlet, CoversAllWithTheSmallestShareStillUseful) {
  const auto labels = ten_classes(4000);
  for (const double alpha : {0.1, 0.3, 1.0, 100.0}) {
    const Shares shares = partition_dirichlet(labels, 10, 20, alpha, kSeed);
    ASSERT_EQ(shares.size(), 20U);
    expect_cover(shares, 4000);
    for (const auto& share : shares) {
      EXPECT_GE(std::ssize(share), kMinShareImages) << "alpha " << alpha;
    }
  }
}

TEST(PartitionDirichlet, DependsOnTheSeedOnly) {
  const auto labels = ten_classes(2000);
  const auto deal = [&](Seed seed) { return partition_dirichlet(labels, 10, 8, 0.5, seed); };
  EXPECT_EQ(deal(kSeed), deal(kSeed));
  EXPECT_NE(deal(kSeed), deal(Seed{43}));
}

TEST(PartitionDirichlet, SmallAlphaMakesClientsDiffer) {
  const auto labels = ten_classes(6000);
  const auto skew_at = [&](double alpha) {
    return skew(partition_dirichlet(labels, 10, 10, alpha, kSeed), labels);
  };
  EXPECT_GT(skew_at(0.1), skew_at(1.0) + 0.1);
  EXPECT_GT(skew_at(1.0), skew_at(100.0) + 0.1);
  const double none = skew(partition_iid(6000, 10, kSeed), labels);
  EXPECT_NEAR(skew_at(1e5), none, 0.03);
}

/// For Dirichlet(alpha) over J clients a proportion's variance is (J - 1) / (J^2 (J alpha + 1)).
TEST(PartitionDirichlet, ProportionsHaveTheVarianceOfTheDistribution) {
  constexpr std::int64_t kShares = 5;
  constexpr double kAlpha = 1.0;
  const auto one_class = std::vector<std::int64_t>(10000, 0);
  double sum = 0.0;
  constexpr int kTrials = 400;
  for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
    for (const auto& share : partition_dirichlet(one_class, 1, kShares, kAlpha, Seed{trial})) {
      sum += std::pow(static_cast<double>(share.size()) / 10000.0 - 0.2, 2.0);
    }
  }
  const double variance = sum / (kTrials * kShares);
  EXPECT_NEAR(variance, 4.0 / (25.0 * 6.0), 0.002);
}

TEST(PartitionDirichlet, OneShareHoldsAll) {
  EXPECT_EQ(partition_dirichlet(ten_classes(50), 10, 1, 0.1, kSeed).front().size(), 50U);
}

TEST(PartitionDirichlet, ServesHundredsOfClients) {
  const auto labels = ten_classes(60000);
  expect_cover(partition_dirichlet(labels, 10, 300, 0.3, kSeed), 60000);
}

TEST(PartitionDirichlet, GivesUpNamingAlphaAndShares) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [] { partition_dirichlet(ten_classes(1000), 10, 50, 0.05, kSeed); },
      "1000 images into 50 shares with alpha = 0.05 in 1000 draws", "raise alpha");
}

TEST(PartitionDirichlet, RefusesWhatNoDrawCanGive) {
  expect_error(
      ErrorCode::kInvalidConfig, [] { partition_dirichlet(ten_classes(99), 10, 10, 1.0, kSeed); },
      "cannot deal 99 images into 10 shares with alpha = 1", "at least 10 images per share");
  expect_error(
      ErrorCode::kInvalidConfig, [] { partition_dirichlet(ten_classes(99), 10, 0, 1.0, kSeed); },
      "into 0 shares");
  for (const double alpha : {0.0, -1.0, 1e7, std::numeric_limits<double>::quiet_NaN()}) {
    expect_error(
        ErrorCode::kInvalidConfig,
        [&] { partition_dirichlet(ten_classes(100), 10, 2, alpha, kSeed); },
        "alpha of the Dirichlet partition: expected a number in [0.01, 1e+06]");
  }
}

TEST(PartitionDirichlet, TakesTheSmallestShareThatItIsTold) {
  const auto labels = ten_classes(1000);
  EXPECT_EQ(partition_dirichlet(labels, 10, 50, 0.3, kSeed, 1).size(), 50U);
  expect_error(
      ErrorCode::kInvalidConfig, [&] { partition_dirichlet(labels, 10, 50, 1.0, kSeed, 21); },
      "cannot deal 1000 images into 50 shares", "at least 21 images per share", "dirichlet_client");
}

TEST(PartitionDirichletClient, CoversAllInSharesOfNearlyOneSize) {
  const auto labels = ten_classes(4003);
  for (const double alpha : {0.01, 0.3, 100.0}) {
    const Shares shares = partition_dirichlet_client(labels, 10, 1000, alpha, kSeed);
    ASSERT_EQ(shares.size(), 1000U);
    expect_cover(shares, 4003);
    for (const auto& share : shares) {
      EXPECT_TRUE(share.size() == 4 || share.size() == 5) << "alpha " << alpha;
    }
  }
}

TEST(PartitionDirichletClient, ServesTenThousandClients) {
  const auto labels = ten_classes(60000);
  const Shares shares = partition_dirichlet_client(labels, 10, 10000, 0.3, kSeed);
  expect_cover(shares, 60000);
  EXPECT_EQ(shares.size(), 10000U);
}

TEST(PartitionDirichletClient, SmallAlphaMakesClientsDiffer) {
  const auto labels = ten_classes(6000);
  const auto skew_at = [&](double alpha) {
    return skew(partition_dirichlet_client(labels, 10, 20, alpha, kSeed), labels);
  };
  EXPECT_GT(skew_at(0.1), 0.8);
  EXPECT_GT(skew_at(0.1), skew_at(10) + 0.2);
  EXPECT_NEAR(skew_at(1e5), skew(partition_iid(6000, 20, kSeed), labels), 0.05);
  EXPECT_EQ(partition_dirichlet_client(labels, 10, 20, 1, kSeed),
            partition_dirichlet_client(labels, 10, 20, 1, kSeed));
}

/// A class's fraction under Dirichlet(alpha p) has the variance p (1 - p) / (alpha + 1).
TEST(PartitionDirichletClient, FractionsHaveTheVarianceOfTheDistribution) {
  constexpr std::int64_t kClients = 2000, kImages = 100;
  constexpr double kAlpha = 3;
  std::vector<std::int64_t> labels(kClients * kImages);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = i % 4 == 0 ? 1 : 0;
  }
  // Of the first clients alone: the last ones take what is left.
  const Shares shares = partition_dirichlet_client(labels, 2, kClients, kAlpha, kSeed);
  double sum = 0;
  for (std::size_t k = 0; k < 1000; ++k) {
    double ones = 0;
    for (const std::int64_t index : shares[k]) {
      ones += static_cast<double>(labels[static_cast<std::size_t>(index)]);
    }
    sum += std::pow(ones / kImages - 0.25, 2);
  }
  const double of_fractions = 0.25 * 0.75 / (kAlpha + 1);
  const double of_counts = (0.25 * 0.75 - of_fractions) / kImages;
  EXPECT_NEAR(sum / 1000, of_fractions + of_counts, 0.005);
}

TEST(PartitionDirichletClient, RefusesEmptySharesAndSenselessAlpha) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [] { partition_dirichlet_client(ten_classes(9), 10, 10, 1, kSeed); }, "cannot deal 9 images");
  expect_error(
      ErrorCode::kInvalidConfig,
      [] { partition_dirichlet_client(ten_classes(9), 10, 2, 0, kSeed); }, "expected a number in");
}

TEST(PartitionDirichlet, RefusesLabelsThatAreNoClass) {
  auto labels = ten_classes(100);
  labels[17] = 10;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { partition_dirichlet(labels, 10, 2, 1.0, kSeed); },
      "image 17 has label 10: expected one in [0, 10)");
  expect_error(
      ErrorCode::kInvalidArgument, [&] { partition_dirichlet(labels, -1, 2, 1.0, kSeed); },
      "expected at least 1, got -1");
}

TEST(ParseShare, CountsFromOne) {
  EXPECT_EQ(parse_share("3/20"), (SharePart{2, 20}));
  EXPECT_EQ(parse_share("1/1"), (SharePart{0, 1}));
  EXPECT_EQ(parse_share("20/20"), (SharePart{19, 20}));
}

TEST(ParseShare, RefusesTextThatIsNoShare) {
  for (const std::string text : {"", "3", "/", "3/", "/20", "a/b", "3/20 ", " 3/20", "3/20/1",
                                 "0/5", "-1/5", "+1/5", "1.5/5", "1/0", "99999999999999999999/5"}) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { parse_share(text); },
        str("share '", text, "': expected K/N with whole numbers"));
  }
}

TEST(ParseShare, RefusesAShareBeyondTheLast) {
  expect_error(
      ErrorCode::kInvalidConfig, [] { parse_share("21/20"); },
      "share '21/20': expected a number from 1 to 20 before the slash, got 21");
}

}  // namespace
}  // namespace lorae::data
