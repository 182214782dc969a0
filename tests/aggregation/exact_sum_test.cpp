#include "aggregation/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "aggregation/fixed_point.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/seed.h"

namespace lorae::aggregation {
namespace {

using Exact = __int128;

struct Update {
  std::vector<float> values;
  std::uint64_t weight = 0;

  Contribution view() const { return {values, weight}; }
};

/// Sizes of 10^low to 10^high, either sign.
float wide_float(Random& random, double low, double high) {
  const double size = std::pow(10.0, low + (high - low) * random.uniform());
  return static_cast<float>(random.below(2) == 0 ? size : -size);
}

std::vector<Update> wide_updates(
    std::size_t count, std::size_t size, double low, double high, std::uint64_t most_weight) {
  Random random(count + size);
  std::vector<Update> updates(count);
  for (Update& update : updates) {
    update.weight = 1 + random.below(most_weight);
    for (std::size_t i = 0; i < size; ++i) {
      const double most = std::log10(0x1p29 / static_cast<double>(update.weight)) - 0.001;
      update.values.push_back(wide_float(random, low, std::min(high, most)));
    }
  }
  return updates;
}

ExactSum sum_of(std::span<const Update> updates, std::size_t size) {
  ExactSum sum(size);
  for (const Update& update : updates) {
    EXPECT_TRUE(sum.add(update.values, update.weight));
  }
  return sum;
}

std::vector<double> mean_of(const ExactSum& sum) {
  std::vector<double> mean(sum.size());
  sum.mean(mean);
  return mean;
}

/// Planes, weight, count and mean.
Digest digest(const ExactSum& sum) {
  Hasher hasher;
  const Planes planes = sum.planes();
  hasher.add(std::as_bytes(planes.high));
  hasher.add(std::as_bytes(planes.low));
  const std::vector<double> mean = mean_of(sum);
  hasher.add(std::as_bytes(std::span(mean)));
  const std::uint64_t counts[] = {planes.weight, planes.contributions};
  hasher.add(std::as_bytes(std::span(counts)));
  return hasher.finish();
}

bool same(const ExactSum& a, const ExactSum& b) {
  const Planes x = a.planes(), y = b.planes();
  return std::ranges::equal(x.high, y.high) && std::ranges::equal(x.low, y.low) &&
         x.weight == y.weight && x.contributions == y.contributions;
}

/// Quanta of 2^-70 of one number.
Exact quanta(const ExactSum& sum, std::size_t i) {
  const Planes planes = sum.planes();
  return static_cast<Exact>(static_cast<std::int64_t>(planes.high[i])) * (Exact{1} << kLowBits) +
         static_cast<std::int64_t>(planes.low[i]);
}

/// weight * value * 2^bits, exact where it is a whole number: 24 + 40 bits of a long double's 64.
Exact scaled(std::uint64_t weight, float value, int bits) {
  return static_cast<Exact>(
      std::ldexp(static_cast<long double>(weight) * static_cast<long double>(value), bits));
}

TEST(ExactSum, IsTheMeanOfWhatWasAdded) {
  ExactSum sum(3);
  ASSERT_TRUE(sum.add(std::vector{1.0F, 2.0F, -1.0F}, 1));
  ASSERT_TRUE(sum.add(std::vector{5.0F, 6.0F, 3.0F}, 3));
  EXPECT_EQ(mean_of(sum), (std::vector{4.0, 5.0, 2.0}));
  EXPECT_EQ(sum.weight(), 4U);
  EXPECT_EQ(sum.contributions(), 2U);
}

TEST(ExactSum, IsOneDigestForAThousandOrdersAndTrees) {
  constexpr std::size_t kSize = 131;
  std::vector<Update> updates = wide_updates(200, kSize, -20, 6, 1000000);
  const Digest expected = digest(sum_of(updates, kSize));
  Random random(7);
  for (int round = 0; round < 1000; ++round) {
    random.shuffle(std::span(updates));
    std::vector<ExactSum> parts(1 + random.below(64), ExactSum(kSize));
    for (std::size_t at = 0; at < updates.size();) {  // to any part, alone or with some others
      const std::size_t count = std::min<std::size_t>(1 + random.below(4), updates.size() - at);
      std::vector<Contribution> batch;
      for (std::size_t i = at; i < at + count; ++i) {
        batch.push_back(updates[i].view());
      }
      ASSERT_TRUE(parts[random.below(parts.size())].add(batch));
      at += count;
    }
    while (parts.size() > 1) {  // any two, until one is left
      random.shuffle(std::span(parts));
      const ExactSum part = parts.back();
      parts.pop_back();
      parts[random.below(parts.size())].merge(part);
    }
    ASSERT_EQ(digest(parts[0]), expected) << "round " << round;
  }
}

TEST(ExactSum, HasNoErrorAtAllForValuesOfUsualSizes) {
  constexpr std::size_t kSize = 1000;
  const std::vector<Update> updates = wide_updates(200, kSize, -12, 6, 1000000);
  const ExactSum sum = sum_of(updates, kSize);
  const std::vector<double> mean = mean_of(sum);
  for (std::size_t i = 0; i < kSize; ++i) {
    Exact expected = 0;
    for (const Update& update : updates) {
      expected += scaled(update.weight, update.values[i], kFractionBits);
    }
    ASSERT_TRUE(quanta(sum, i) == expected) << i;
    const long double exact =
        std::ldexp(static_cast<long double>(expected), -kFractionBits) / sum.weight();
    ASSERT_LE(std::abs(mean[i] - static_cast<double>(exact)), 0x1p-51 * std::abs(mean[i])) << i;
  }
}

TEST(ExactSum, ErrsByLessThanTheBoundForTinyValues) {
  // The largest are 1e-12, and most are far below the quantum of 8e-22.
  constexpr std::size_t kSize = 1000;
  constexpr int kBits = 120;
  const std::vector<Update> updates = wide_updates(200, kSize, -30, -12, 1);
  const ExactSum sum = sum_of(updates, kSize);
  double largest = 0;
  double error = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    Exact expected = 0;
    double sizes = 0;
    for (const Update& update : updates) {
      expected += scaled(update.weight, update.values[i], kBits);
      sizes += std::abs(static_cast<double>(update.values[i]));
    }
    const Exact difference = quanta(sum, i) * (Exact{1} << (kBits - kFractionBits)) - expected;
    error = std::max(error, std::abs(std::ldexp(static_cast<double>(difference), -kBits)));
    largest = std::max(largest, sizes);
  }
  EXPECT_LE(error, 200 * 0x1p-71 * 1.0001);
  EXPECT_LT(error, 1e-9 * largest);
}

TEST(ExactSum, RoundsTheMeanWellWhereCarriesMove) {
  // The low plane is at its largest size: 2^49 quanta, many times.
  for (const float value : {0x1p-21F, -0x1p-21F}) {
    ExactSum sum(1);
    for (std::uint64_t k = 0; k < kMaxContributions; ++k) {
      ASSERT_TRUE(sum.add(std::span(&value, 1), 1));
    }
    EXPECT_EQ(mean_of(sum)[0], static_cast<double>(value));
  }
}

TEST(ExactSum, HoldsTheLargestContributionsOfAll) {
  for (const float sign : {1.0F, -1.0F}) {
    const float value = sign * std::nextafter(0x1p29F, 0.0F);
    ExactSum sum(1);
    for (std::uint64_t k = 0; k < kMaxContributions; ++k) {
      ASSERT_TRUE(sum.add(std::span(&value, 1), 1));
    }
    EXPECT_EQ(mean_of(sum)[0], static_cast<double>(value));
  }
}

TEST(ExactSum, RefusesAtEveryPlaceAndIsAsBefore) {
  constexpr std::size_t kSize = 4999;  // some tiles and an odd rest
  const std::vector<Update> updates = wide_updates(14, kSize, -20, 6, 1000);
  ExactSum sum = sum_of(std::span(updates).first(2), kSize);
  const ExactSum before = sum;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float bad_values[] = {std::numeric_limits<float>::quiet_NaN(), kInf, -kInf, 0x1p29F,
                              std::numeric_limits<float>::lowest()};
  std::size_t which = 0;
  for (std::size_t place = 0; place < kSize;
       place += (place % 1024 > 1020 || place % 1024 < 3 || place % 1024 == 127) ? 1 : 61) {
    Update bad = updates[3];
    bad.values[place] = bad_values[which++ % std::size(bad_values)];
    ASSERT_FALSE(sum.add(bad.values, bad.weight)) << "at " << place;
    ASSERT_TRUE(same(sum, before)) << "at " << place;
    std::vector<Contribution> batch = {updates[2].view(), bad.view()};
    ASSERT_FALSE(sum.add(batch)) << "at " << place;
    ASSERT_TRUE(same(sum, before)) << "at " << place;
    for (std::size_t i = 4; i < updates.size();
         ++i) {  // it is the last of some groups, or the first
      batch.insert(batch.begin() + (i % 2 == 0 ? 0 : std::ssize(batch)), updates[i].view());
    }
    ASSERT_FALSE(sum.add(batch)) << "at " << place;
    ASSERT_TRUE(same(sum, before)) << "at " << place;
  }
  ASSERT_TRUE(sum.add(updates[2].values, updates[2].weight));
  EXPECT_TRUE(same(sum, sum_of(std::span(updates).first(3), kSize)));
}

TEST(ExactSum, RefusesByTheProductOfWeightAndValue) {
  for (const std::uint64_t weight : {std::uint64_t{1}, std::uint64_t{1} << 20, kMaxWeight}) {
    const float beyond = static_cast<float>(0x1p29 / static_cast<double>(weight));
    const float within = std::nextafter(beyond, 0.0F);
    for (const float sign : {1.0F, -1.0F}) {
      ExactSum sum(1);
      EXPECT_FALSE(sum.add(std::vector{sign * beyond}, weight));
      EXPECT_TRUE(sum.add(std::vector{sign * within}, weight));
    }
  }
}

TEST(ExactSum, AddsABatchAsOneByOne) {
  for (const std::size_t size : {0, 1, 2, 7, 8, 9, 127, 128, 129, 4095, 4096, 4097, 9001}) {
    const std::vector<Update> updates = wide_updates(13, size, -20, 6, 1000000);
    std::vector<Contribution> batch;
    for (const Update& update : updates) {
      batch.push_back(update.view());
    }
    ExactSum together(size);
    ASSERT_TRUE(together.add(batch));
    EXPECT_TRUE(same(together, sum_of(updates, size))) << size;
  }
}

TEST(ExactSum, IsTheSameOnManyThreads) {
  constexpr std::size_t kSize = 600'001;  // three threads' parts
  constexpr std::size_t kPart = 50'000;   // of one thread
  std::vector<Update> updates = wide_updates(3, 1000, -20, 6, 1000);
  std::vector<Contribution> batch;
  for (Update& update : updates) {
    for (std::size_t i = 1000; i < kSize; ++i) {
      update.values.push_back(update.values[i - 1000] * 0.99F);
    }
    batch.push_back(update.view());
  }
  ExactSum sum(kSize);
  ASSERT_TRUE(sum.add(batch));
  for (std::size_t at = 0; at < kSize; at += kPart) {
    const std::size_t count = std::min(kPart, kSize - at);
    ExactSum part(count);
    for (const Update& update : updates) {
      ASSERT_TRUE(part.add(std::span(update.values).subspan(at, count), update.weight));
    }
    ASSERT_TRUE(std::ranges::equal(sum.planes().high.subspan(at, count), part.planes().high));
    ASSERT_TRUE(std::ranges::equal(sum.planes().low.subspan(at, count), part.planes().low));
  }
  const ExactSum before = sum;
  for (const std::size_t place : {std::size_t{0}, std::size_t{300'000}, kSize - 1}) {
    Update bad = updates[1];
    bad.values[place] = std::numeric_limits<float>::quiet_NaN();
    const Contribution with_bad[] = {updates[0].view(), bad.view()};
    EXPECT_FALSE(sum.add(with_bad));
    EXPECT_TRUE(same(sum, before)) << place;
  }
}

TEST(ExactSum, TakesContributionsOutAgain) {
  const std::vector<Update> updates = wide_updates(5, 3001, -30, 6, 1000000);
  ExactSum sum = sum_of(updates, 3001);
  sum.remove(updates[4].values, updates[4].weight);
  sum.remove(updates[3].values, updates[3].weight);
  EXPECT_TRUE(same(sum, sum_of(std::span(updates).first(3), 3001)));
}

TEST(ExactSum, OfNothingChangesNothing) {
  ExactSum sum(2);
  EXPECT_TRUE(sum.add(std::span<const Contribution>{}));
  sum.merge(ExactSum(2));
  EXPECT_TRUE(same(sum, ExactSum(2)));
  ExactSum empty;
  EXPECT_TRUE(empty.add(std::span<const float>{}, 3));
  EXPECT_EQ(mean_of(empty), std::vector<double>{});
}

TEST(ExactSum, DoublesWhenMergedWithItself) {
  const std::vector<Update> updates = wide_updates(3, 50, -20, 6, 1000);
  ExactSum sum = sum_of(updates, 50);
  const std::vector<double> mean = mean_of(sum);
  sum.merge(sum);
  EXPECT_EQ(mean_of(sum), mean);
  EXPECT_EQ(sum.contributions(), 6U);
}

template <typename Call>
void expect_invalid(const Call& call) {
  try {
    call();
    ADD_FAILURE() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  }
}

TEST(ExactSum, ThrowsOnCallsThatMakeNoSense) {
  const std::vector<float> one{1.0F}, two{1.0F, 2.0F};
  ExactSum sum(2);
  std::vector<double> out(2), short_out(1);
  expect_invalid([&] { sum.mean(out); });
  expect_invalid([&] { sum.remove(two, 1); });
  ASSERT_TRUE(sum.add(two, 1));
  const ExactSum before = sum;
  expect_invalid([&] { std::ignore = sum.add(one, 1); });
  expect_invalid([&] { std::ignore = sum.add(two, 0); });
  expect_invalid([&] { std::ignore = sum.add(two, kMaxWeight + 1); });
  expect_invalid([&] { sum.merge(ExactSum(1)); });
  expect_invalid([&] { sum.remove(two, 2); });
  expect_invalid([&] { sum.mean(short_out); });
  EXPECT_TRUE(same(sum, before));
}

TEST(ExactSum, CountsContributionsOfAllParts) {
  ExactSum sum(0), part(0);
  for (std::uint64_t k = 0; k < kMaxContributions; ++k) {
    ASSERT_TRUE((k % 2 == 0 ? sum : part).add(std::span<const float>{}, 1));
  }
  sum.merge(part);
  EXPECT_EQ(sum.contributions(), kMaxContributions);
  expect_invalid([&] { std::ignore = sum.add(std::span<const float>{}, 1); });
  expect_invalid([&] { sum.merge(part); });
}

}  // namespace
}  // namespace lorae::aggregation
