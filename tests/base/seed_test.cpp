#include "base/seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace lorae {
namespace {

using Counter = std::array<std::uint32_t, 4>;

// Golden: the known-answer vectors of Random123 (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, HasTheKnownAnswers) {
  constexpr std::uint32_t kOnes = 0xffffffffU;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Counter{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}));
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Counter{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}));
  // Counter and key are the first digits of pi.
  EXPECT_EQ(
      philox4x32({0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U}, {0xa4093822U, 0x299f31d0U}),
      (Counter{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U}));
}

TEST(Random, DealsTheBlocksOfPhiloxInOrder) {
  Random random(0);

  EXPECT_EQ(random.next_u32(), 0x6627e8d5U);
  EXPECT_EQ(random.next_u32(), 0xe169c58dU);
  EXPECT_EQ(random.next_u64(), 0xbc57ac4c9b00dbd8U);
  EXPECT_EQ(random.next_u32(), philox4x32({1, 0, 0, 0}, {0, 0})[0]);
}

TEST(Random, UsesAllBitsOfTheSeed) {
  EXPECT_NE(Random(1).next_u64(), Random(1ULL << 32U).next_u64());
  EXPECT_EQ(Random(0xffffffffffffffffU).next_u32(),
            philox4x32({0, 0, 0, 0}, {0xffffffffU, 0xffffffffU})[0]);
}

TEST(Random, CopiesContinueFromTheSamePlace) {
  Random random(1);
  random.next_u32();
  Random copy = random;

  EXPECT_EQ(copy.next_u64(), random.next_u64());
}

TEST(Random, DrawsUniformFloatsInTheUnitIntervalOnAGrid) {
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const float draw = random.uniform();
    ASSERT_GE(draw, 0.0F);
    ASSERT_LT(draw, 1.0F);
    ASSERT_EQ(draw * 0x1p24F, std::floor(draw * 0x1p24F));
    sum += static_cast<double>(draw);
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);  // six standard errors
}

TEST(Random, DrawsBelowItsBound) {
  Random random(2);
  for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 10ULL, 1ULL << 63U, ~0ULL}) {
    for (int i = 0; i < 200; ++i) {
      ASSERT_LT(random.below(bound), bound);
    }
  }
  EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, DrawsEveryNumberBelowItsBoundEquallyOften) {
  Random random(3);
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < 60000; ++i) {
    ++counts[random.below(6)];
  }

  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [value, count] : counts) {
    EXPECT_NEAR(count, 10000, 600) << value;  // six standard deviations
  }
}

TEST(Random, HasNoModuloBias) {
  // Of 2^64 draws modulo 3 * 2^62, a third of the results would come up twice as often.
  Random random(4);
  constexpr std::uint64_t kThird = 1ULL << 62U;
  int low = 0;
  for (int i = 0; i < 30000; ++i) {
    low += random.below(3 * kThird) < kThird ? 1 : 0;
  }

  EXPECT_NEAR(low, 10000, 600);
}

TEST(Random, DrawsStandardNormals) {
  Random random(5);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 20000; ++i) {
    const double draw = random.normal();
    ASSERT_TRUE(std::isfinite(draw));
    sum += draw;
    squares += draw * draw;
  }

  EXPECT_NEAR(sum / 20000, 0, 0.05);
  EXPECT_NEAR(squares / 20000, 1, 0.07);
}

TEST(Random, DrawsGammasWithMeanAndVarianceOfTheirShape) {
  for (const double shape : {0.5, 1.0, 4.0}) {
    Random random(6);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < 20000; ++i) {
      const double draw = random.gamma(shape);
      ASSERT_GE(draw, 0);
      sum += draw;
      squares += draw * draw;
    }
    const double mean = sum / 20000;
    EXPECT_NEAR(mean, shape, 0.1) << shape;
    EXPECT_NEAR(squares / 20000 - mean * mean, shape, 0.12 * shape + 0.1) << shape;
  }
}

TEST(Random, DrawsDirichletProportionsThatSumToOne) {
  Random random(7);
  for (const double concentration : {1e-9, 0.01, 0.5, 1.0, 100.0}) {
    const auto proportions = random.dirichlet(10, concentration);

    ASSERT_EQ(proportions.size(), 10U);
    EXPECT_NEAR(std::accumulate(proportions.begin(), proportions.end(), 0.0), 1.0, 1e-12);
    EXPECT_GE(*std::min_element(proportions.begin(), proportions.end()), 0.0);
  }
}

TEST(Random, DrawsEvenerDirichletProportionsAtHigherConcentration) {
  Random random(8);
  const auto skewed = random.dirichlet(10, 0.1);
  const auto even = random.dirichlet(10, 1000);

  EXPECT_GT(*std::max_element(skewed.begin(), skewed.end()), 0.3);
  EXPECT_LT(*std::max_element(even.begin(), even.end()), 0.12);
}

TEST(Random, ShufflesToAPermutation) {
  std::vector<int> sorted(100);
  std::iota(sorted.begin(), sorted.end(), 0);
  std::vector<int> values = sorted;

  Random(9).shuffle(std::span(values));

  EXPECT_NE(values, sorted);
  EXPECT_TRUE(std::is_permutation(values.begin(), values.end(), sorted.begin()));
}

TEST(Random, ShufflesToEveryOrderEquallyOften) {
  Random random(10);
  std::map<std::vector<int>, int> counts;
  for (int i = 0; i < 12000; ++i) {
    std::vector<int> values = {1, 2, 3};
    random.shuffle(std::span(values));
    ++counts[values];
  }

  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [order, count] : counts) {
    EXPECT_NEAR(count, 2000, 250);
  }
}

TEST(Random, ShufflesNothingAndOne) {
  std::vector<int> none;
  std::vector<int> one = {1};

  Random(1).shuffle(std::span(none));
  Random(1).shuffle(std::span(one));

  EXPECT_EQ(one, std::vector<int>{1});
}

TEST(Seed, DerivesTheSameSeedForTheSamePurpose) {
  EXPECT_EQ(Seed{1}.derive("shuffle", "ada", 3).value, Seed{1}.derive("shuffle", "ada", 3).value);
}

TEST(Seed, DerivesAnotherSeedForAnotherValuePurposeNameOrIndex) {
  const std::set<std::uint64_t> seeds = {
      Seed{1}.derive("shuffle", "ada", 3).value, Seed{2}.derive("shuffle", "ada", 3).value,
      Seed{1}.derive("augment", "ada", 3).value, Seed{1}.derive("shuffle", "bob", 3).value,
      Seed{1}.derive("shuffle", "ada", 4).value, Seed{1}.derive("shuffle").value};

  EXPECT_EQ(seeds.size(), 6U);
}

TEST(Seed, KeepsPurposeAndNameApart) {
  EXPECT_NE(Seed{1}.derive("ab", "c").value, Seed{1}.derive("a", "bc").value);
  EXPECT_NE(Seed{1}.derive("ab").value, Seed{1}.derive("", "ab").value);
}

// Golden: int.from_bytes(hashlib.blake2b(m, digest_size=32).digest()[:8], "little") of Python 3.11
// with m = (1).to_bytes(8, "little") + b"shuffle\0ada\0" + (3).to_bytes(8, "little").
TEST(Seed, DerivesTheNumberThatItsFormulaGives) {
  EXPECT_EQ(Seed{1}.derive("shuffle", "ada", 3).value, 6711364472227990743ULL);
}

}  // namespace
}  // namespace lorae
