#include "adapters/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "adapters/kernels_loops.h"
#include "base/seed.h"

namespace lorae::adapters::kernels {
namespace {

struct Variant {
  const char* name;
  const Loops* loops;
};

/// Those that this processor can run.
std::vector<Variant> variants() {
  std::vector<Variant> all{{"generic", &kGeneric}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    all.push_back({"avx2", &kAvx2});
  }
  if (__builtin_cpu_supports("avx512f")) {
    all.push_back({"avx512f", &kAvx512});
  }
#endif
  return all;
}

std::vector<float> random_floats(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(random.normal());
  }
  return values;
}

/// Rows at odd places of one buffer, as taps are.
struct Matrix {
  std::vector<float> values;
  std::vector<const float*> rows;

  Matrix(std::size_t count, std::size_t positions, std::uint64_t seed)
      : values(random_floats(count * (positions + 3) + 3, seed)) {
    for (std::size_t k = 0; k < count; ++k) {
      rows.push_back(values.data() + k * (positions + 3) + k % 3);
    }
  }
  Rows view() const { return {rows.data(), rows.size()}; }
};

/// Calls check(loops, filters, positions, a matrix of rows) for many sizes, some odd.
template <typename Check>
void for_all_sizes(const Check& check) {
  for (const auto& [name, loops] : variants()) {
    for (const std::size_t filters : {1, 2, 3, 4, 7, 8, 15, 16, 33}) {
      for (const std::size_t positions : {16, 32, 48, 80, 112, 1008}) {
        for (const std::size_t count : {1, 2, 3, 4, 9, 20}) {
          SCOPED_TRACE(std::string(name) + " " + std::to_string(filters) + " filters " +
                       std::to_string(positions) + " positions " + std::to_string(count) + " rows");
          check(*loops, filters, positions, Matrix(count, positions, 1));
        }
      }
    }
  }
}

TEST(Kernels, ProductIsTheSumOverRows) {
  for_all_sizes([](const Loops& loops, std::size_t filters, std::size_t positions,
                   const Matrix& matrix) {
    const std::size_t count = matrix.rows.size();
    const std::vector<float> weights = random_floats(count * filters, 2);
    const std::vector<float> start = random_floats(filters * positions, 3);
    std::vector<float> from_start(start), from_zero(start);
    loops.multiply(matrix.view(), weights.data(), filters, positions, from_start.data(),
                   from_start.data());
    loops.multiply(matrix.view(), weights.data(), filters, positions, nullptr, from_zero.data());
    for (std::size_t f = 0; f < filters; ++f) {
      for (std::size_t p = 0; p < positions; ++p) {
        double sum = 0;
        for (std::size_t k = 0; k < count; ++k) {
          sum += static_cast<double>(weights[k * filters + f]) * matrix.rows[k][p];
        }
        const std::size_t i = f * positions + p;
        ASSERT_NEAR(from_zero[i], sum, 1e-5 * static_cast<double>(count));
        ASSERT_NEAR(from_start[i], sum + start[i], 1e-5 * static_cast<double>(count));
      }
    }
  });
}

TEST(Kernels, CorrelationIsTheSumOverPositions) {
  constexpr std::size_t kMargin = 2;
  for_all_sizes(
      [](const Loops& loops, std::size_t filters, std::size_t positions, const Matrix& matrix) {
        const std::size_t count = matrix.rows.size(), stride = count + kMargin;
        const std::vector<float> a = random_floats(filters * positions, 2);
        std::vector<float> sums(filters * stride, 0.5F);
        loops.correlate(a.data(), filters, matrix.view(), positions, sums.data(), stride);
        for (std::size_t f = 0; f < filters; ++f) {
          for (std::size_t k = 0; k < stride; ++k) {
            double sum = 0.5;
            for (std::size_t p = 0; k < count && p < positions; ++p) {
              sum += static_cast<double>(a[f * positions + p]) * matrix.rows[k][p];
            }
            ASSERT_NEAR(sums[f * stride + k], sum, 1e-5 * static_cast<double>(positions));
          }
        }
      });
}

TEST(Kernels, SiluIsExactToThreeUnitsInTheLastPlace) {
  for (const auto& [name, loops] : variants()) {
    SCOPED_TRACE(name);
    std::vector<float> z, y(200003), dz(200003), ones(200003, 1.0F);
    for (std::size_t i = 0; i < y.size(); ++i) {
      z.push_back(static_cast<float>(-80.0 + 160.0 * static_cast<double>(i) / 200002.0));
    }
    loops->activate(z.data(), y.data(), z.size());
    loops->gradient(z.data(), ones.data(), dz.data(), z.size());
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double x = z[i], s = 1 / (1 + std::exp(-x));
      ASSERT_NEAR(y[i], x * s, 3.6e-7 * std::abs(x * s)) << x;
      ASSERT_NEAR(dz[i], s * (1 + x * (1 - s)), 1e-6 * std::max(s, std::abs(x) * s * (1 - s))) << x;
    }
  }
}

TEST(Kernels, SiluOfWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const auto& [name, loops] : variants()) {
    SCOPED_TRACE(name);
    const std::vector<float> z{std::nanf(""), kInfinity, 1e30F, -1e4F, 0.0F};
    std::vector<float> y(z.size());
    loops->activate(z.data(), y.data(), z.size());
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[1], kInfinity);
    EXPECT_EQ(y[2], 1e30F);
    EXPECT_NEAR(y[3], 0.0F, 1e-30);
    EXPECT_EQ(y[4], 0.0F);
  }
}

TEST(Kernels, GatherAndAdd) {
  for (const auto& [name, loops] : variants()) {
    SCOPED_TRACE(name);
    for (const std::size_t stride : {1, 2, 3}) {
      const std::vector<float> in = random_floats(3 * 37, 1);
      std::vector<float> out(37, 0.0F);
      loops->pick(in.data(), stride, out.data(), out.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_EQ(out[i], in[i * stride]);
      }
      loops->sum(in.data(), out.data(), out.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_EQ(out[i], in[i * stride] + in[i]);
      }
    }
  }
}

}  // namespace
}  // namespace lorae::adapters::kernels
