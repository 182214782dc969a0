#include "ops/loops/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/seed.h"
#include "ops/loops/kernels_loops.h"

namespace lorae::ops::kernels {
namespace {

struct Variant {
  const char* name;
  const Loops* loops;
  const WinogradLoops* winograd;
};

/// Those that this processor can run; "wide" is AVX-512's text on any.
std::vector<Variant> variants() {
  std::vector<Variant> all{{"generic", &kGeneric, &kGenericWinograd},
                           {"wide", &kWide, &kWideWinograd}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    all.push_back({"avx2", &kAvx2, &kAvx2Winograd});
  }
  if (__builtin_cpu_supports("avx512f")) {
    all.push_back({"avx512f", &kAvx512, &kAvx512Winograd});
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
  for (const auto& [name, loops, winograd] : variants()) {
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
    loops.multiply(matrix.view(), weights.data(), filters, positions,
                   {.first = from_start.data(), .pitch = positions, .start = from_start.data()});
    loops.multiply(matrix.view(), weights.data(), filters, positions,
                   {.first = from_zero.data(), .pitch = positions});
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

TEST(Kernels, DenseProductBeginsWithTheBias) {
  constexpr std::size_t kCount = 5, kFilters = 7, kPositions = 48, kPitch = 51;
  const std::vector<float> rows = random_floats(kCount * kPitch, 1);
  const std::vector<float> weights = random_floats(kCount * kFilters, 2);
  const std::vector<float> bias = random_floats(kFilters, 3);
  for (const Variant& variant : variants()) {
    SCOPED_TRACE(variant.name);
    std::vector<float> out(kFilters * kPitch, -1.0F);
    variant.loops->multiply_dense({rows.data(), kPitch, kCount}, weights.data(), kFilters,
                                  kPositions,
                                  {.first = out.data(), .pitch = kPitch, .bias = bias.data()});
    for (std::size_t f = 0; f < kFilters; ++f) {
      for (std::size_t p = 0; p < kPitch; ++p) {
        double sum = p < kPositions ? bias[f] : -1;  // what is between the rows stays
        for (std::size_t k = 0; p < kPositions && k < kCount; ++k) {
          sum += static_cast<double>(weights[k * kFilters + f]) * rows[k * kPitch + p];
        }
        ASSERT_NEAR(out[f * kPitch + p], sum, 1e-5);
      }
    }
  }
}

/// A row of tiles of one plane with one filter, from inputs to outputs.
void expect_winograd_convolves(const WinogradLoops& loops,
                               std::size_t width,
                               std::size_t height,
                               std::size_t padding,
                               bool flipped) {
  const std::size_t out_width = width + 2 * padding - 2, tiles = (out_width + 3) / 4;
  const std::size_t room = (tiles + kBlock - 1) / kBlock * kBlock;
  const std::size_t pitch = 4 * tiles + 8 * kBlock;
  const std::vector<float> in = random_floats(6 * width, 1);
  const std::vector<float> taps = random_floats(9 * kBlock, 2);
  const float* rows[6];
  for (std::size_t i = 0; i < 6; ++i) {
    rows[i] = in.data() + i * width;
  }
  std::vector<float> scratch(6 * pitch), points(kPoints * room + kBlock), filters(kPoints * kBlock);
  loops.input({.rows = rows,
               .width = width,
               .padding = padding,
               .tiles = tiles,
               .room = room,
               .scratch = scratch.data(),
               .pitch = pitch,
               .out = points.data(),
               .stride = room});
  loops.filters(taps.data(), 9, flipped, filters.data(), kBlock);
  constexpr std::size_t kFilter = 5;
  for (std::size_t i = 0; i < kPoints * room; ++i) {
    points[i] *= filters[i / room * kBlock + kFilter];
  }
  std::vector<float> out(height * out_width + 1, -1.0F);
  loops.output(points.data(), room, /*bias=*/0.5F, out.data(), height, out_width);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < out_width; ++x) {
      double sum = 0.5;
      for (std::size_t tap = 0; tap < 9; ++tap) {
        const std::size_t column = x + tap % 3;  // of the padded row
        if (column >= padding && column < width + padding) {
          sum += static_cast<double>(taps[kFilter * 9 + (flipped ? 8 - tap : tap)]) *
                 in[(y + tap / 3) * width + column - padding];
        }
      }
      ASSERT_NEAR(out[y * out_width + x], sum, 3e-5) << y << ' ' << x;
    }
  }
  EXPECT_EQ(out.back(), -1.0F);
}

TEST(Kernels, WinogradConvolves) {
  for (const Variant& variant : variants()) {
    for (const std::size_t width : {3, 5, 7, 8, 14, 33, 56, 80, 130}) {
      for (const std::size_t padding : {0, 1, 2}) {
        for (const std::size_t height : {1, 3, 4}) {
          SCOPED_TRACE(std::string(variant.name) + " width " + std::to_string(width) + " padding " +
                       std::to_string(padding) + " rows " + std::to_string(height));
          expect_winograd_convolves(*variant.winograd, width, height, padding, height == 3);
        }
      }
    }
  }
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
  for (const auto& [name, loops, winograd] : variants()) {
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
  for (const auto& [name, loops, winograd] : variants()) {
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

TEST(Kernels, GatherTakesOneOfSome) {
  for (const auto& [name, loops, winograd] : variants()) {
    SCOPED_TRACE(name);
    for (const std::size_t stride : {1, 2, 3}) {
      const std::vector<float> in = random_floats(3 * 37, 1);
      std::vector<float> out(37, 0.0F);
      loops->pick(in.data(), stride, out.data(), out.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        ASSERT_EQ(out[i], in[i * stride]);
      }
    }
  }
}

}  // namespace
}  // namespace lorae::ops::kernels
