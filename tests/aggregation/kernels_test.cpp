#include "aggregation/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/seed.h"

namespace lorae::aggregation {
namespace {

struct Case {
  std::vector<double> sum;
  std::vector<float> delta;
};

/// Numbers of very different magnitudes, so that the order of rounding shows.
Case random_case(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Case numbers;
  for (std::size_t i = 0; i < count; ++i) {
    const double exponent = static_cast<double>(random.below(40)) - 20.0;
    numbers.sum.push_back(random.normal() * std::exp2(exponent));
    numbers.delta.push_back(static_cast<float>(random.normal()));
  }
  return numbers;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

TEST(Accumulate, AddsWeightTimesDelta) {
  std::vector<double> sum{1, 2, 3};
  const std::vector<float> delta{10, -20, 0.5F};
  accumulate_(sum.data(), delta.data(), 3, 3);
  EXPECT_EQ(sum, (std::vector<double>{31, -58, 4.5}));
}

TEST(Accumulate, StaysInsideItsRange) {
  std::vector<double> sum{1, 2, 3};
  const std::vector<float> delta{10, 20, 30};
  accumulate_(sum.data(), delta.data(), 1, 2);
  EXPECT_EQ(sum, (std::vector<double>{11, 22, 3}));
  accumulate_(sum.data(), delta.data(), 1, 0);
  accumulate_(nullptr, nullptr, 1, 0);
  EXPECT_EQ(sum, (std::vector<double>{11, 22, 3}));
}

TEST(Accumulate, RoundsOncePerElement) {
  const Case numbers = random_case(1000, 1);
  std::vector<double> sum = numbers.sum;
  accumulate_(sum.data(), numbers.delta.data(), 37, 1000);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    EXPECT_EQ(sum[i], std::fma(37.0, static_cast<double>(numbers.delta[i]), numbers.sum[i]));
  }
}

TEST(CudaAccumulate, IsTheCpusBitForBit) {
  if (!cuda::available()) {
    GTEST_SKIP() << cuda::why_unavailable();
  }
  // Around a block, a warp, and more than one pass of the largest grid.
  for (const std::size_t count : {1U, 31U, 32U, 255U, 256U, 257U, 100003U, 20000003U}) {
    const Case numbers = random_case(std::min<std::size_t>(count, 100003U), count);
    Case tiled;
    for (std::size_t i = 0; i < count; ++i) {
      tiled.sum.push_back(numbers.sum[i % numbers.sum.size()]);
      tiled.delta.push_back(numbers.delta[i % numbers.delta.size()]);
    }
    std::vector<double> expected = tiled.sum;
    for (const double weight : {1.0, 37.0, 1234567.0}) {
      accumulate_(expected.data(), tiled.delta.data(), weight, static_cast<std::int64_t>(count));
      cuda::accumulate_host_(tiled.sum.data(), tiled.delta.data(), weight,
                             static_cast<std::int64_t>(count));
      EXPECT_TRUE(same_bits(tiled.sum, expected)) << count << " elements, weight " << weight;
    }
  }
}

TEST(CudaAccumulate, TakesNothing) {
  if (!cuda::available()) {
    GTEST_SKIP() << cuda::why_unavailable();
  }
  double sum = 1;
  const float delta = 2;
  cuda::accumulate_host_(&sum, &delta, 3, 0);
  EXPECT_EQ(sum, 1);
}

TEST(CudaAccumulate, SaysWhyItIsUnavailable) {
  if (cuda::available()) {
    GTEST_SKIP() << "this machine has CUDA";
  }
  EXPECT_STRNE(cuda::why_unavailable(), "");
  double sum = 1;
  const float delta = 2;
  try {
    cuda::accumulate_host_(&sum, &delta, 3, 1);
    ADD_FAILURE() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(sum, 1);
}

}  // namespace
}  // namespace lorae::aggregation
