#include "aggregation/cuda/sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "aggregation/fixed_point.h"
#include "base/error.h"
#include "base/seed.h"

namespace lorae::aggregation {
namespace {

/// Sizes around 2^-60 to 2^4.
std::vector<float> random_floats(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    const int exponent = static_cast<int>(random.below(64)) - 60;
    values.push_back(std::ldexp(static_cast<float>(random.normal()), exponent));
  }
  return values;
}

bool same(const ExactSum& a, const ExactSum& b) {
  const Planes x = a.planes(), y = b.planes();
  return std::ranges::equal(x.high, y.high) && std::ranges::equal(x.low, y.low) &&
         x.weight == y.weight && x.contributions == y.contributions;
}

TEST(CudaSum, IsTheCpusBitForBit) {
  if (!cuda::available()) {
    GTEST_SKIP() << cuda::why_unavailable();
  }
  // Around a block, a warp, and more than one pass of the largest grid.
  for (const std::size_t count : {0U, 1U, 31U, 32U, 255U, 256U, 257U, 100003U, 20000003U}) {
    ExactSum here(count), there(count);
    const std::vector<float> few = random_floats(std::min<std::size_t>(count, 100003U), count);
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = few[i % few.size()];
    }
    for (const std::uint64_t weight : {1U, 37U, 1234567U}) {
      ASSERT_TRUE(here.add(values, weight));
      ASSERT_TRUE(cuda::add_host(there, {values, weight}));
      EXPECT_TRUE(same(here, there)) << count << " numbers, weight " << weight;
    }
  }
}

TEST(CudaSum, RefusesWhatTheCpuRefuses) {
  if (!cuda::available()) {
    GTEST_SKIP() << cuda::why_unavailable();
  }
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const std::uint64_t weight : {std::uint64_t{1}, std::uint64_t{999983}, kMaxWeight}) {
    const auto beyond = static_cast<float>(0x1p29 / static_cast<double>(weight));
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), kInf, -kInf, beyond, -beyond,
                              std::nextafter(beyond, 0.0F), std::nextafter(beyond, kInf)}) {
      std::vector<float> values(1000, 0.0F);
      values[777] = value;
      ExactSum here(1000), there(1000);
      EXPECT_EQ(cuda::add_host(there, {values, weight}), here.add(values, weight)) << value;
      EXPECT_TRUE(same(here, there));
    }
  }
}

TEST(CudaSum, SaysWhyItIsUnavailable) {
  if (cuda::available()) {
    GTEST_SKIP() << "this machine has CUDA";
  }
  EXPECT_STRNE(cuda::why_unavailable(), "");
  ExactSum sum(1);
  const std::vector<float> one{1.0F};
  try {
    std::ignore = cuda::add_host(sum, {one, 3});
    ADD_FAILURE() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(same(sum, ExactSum(1)));
}

}  // namespace
}  // namespace lorae::aggregation
