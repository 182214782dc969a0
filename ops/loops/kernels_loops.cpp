// The loops of kernels.h in GCC's vector extensions, compiled once for each instruction set: the
// macros LORAE_LOOPS (the name) and LORAE_LANES say which.
#include "ops/loops/kernels_loops.h"
#include "ops/loops/kernels_vector.h"

namespace lorae::ops::kernels {
namespace {

constexpr int kFilters = kLanes == 16 ? 8 : 4;  // AVX-512 has 32 registers, the others 16
constexpr int kWide = 3;                        // kFilters * kWide sums + kWide inputs + a factor

template <typename Matrix>
struct Product {
  const Matrix& rows;
  const float* weights;
  std::size_t filters;
  Sums sums;
};

/// kCount filters and kVectors vectors of positions, all of it in registers.
template <int kCount, int kVectors, typename Job>
LORAE_INLINE void product_tile(const Job& job, std::size_t first, std::size_t at) {
  const Sums& sums = job.sums;
  Float sum[kCount][kVectors];
  for (std::size_t f = 0; f < kCount; ++f) {
    const float bias = sums.bias == nullptr ? 0.0F : sums.bias[first + f];
    const std::size_t from = (first + f) * sums.pitch + at;
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[f][v] = sums.start == nullptr ? Float{} + bias : load(sums.start + from + v * kLanes);
    }
  }
  const float* weights = job.weights + first;
  for (std::size_t k = 0; k < job.rows.count; ++k, weights += job.filters) {
    Float x[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      x[v] = load(job.rows[k] + at + v * kLanes);
    }
    for (std::size_t f = 0; f < kCount; ++f) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        sum[f][v] += weights[f] * x[v];
      }
    }
  }
  for (std::size_t f = 0; f < kCount; ++f) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      store(sums.first + (first + f) * sums.pitch + at + v * kLanes, sum[f][v]);
    }
  }
}

/// All filters, in groups of at most kMost, for kVectors vectors of positions.
template <int kMost, int kVectors, typename Job>
LORAE_INLINE void product_filters(const Job& job, std::size_t at, std::size_t first = 0) {
  for (; first + kMost <= job.filters; first += kMost) {
    product_tile<kMost, kVectors>(job, first, at);
  }
  if constexpr (kMost > 1) {
    product_filters<kMost / 2, kVectors>(job, at, first);
  }
}

template <typename Job>
LORAE_INLINE void compute(const Job& job, std::size_t positions) {
  std::size_t at = 0;
  for (; at + kWide * kLanes <= positions; at += kWide * kLanes) {
    product_filters<kFilters, kWide>(job, at);
  }
  for (; at < positions; at += kLanes) {
    product_filters<2 * kFilters, 1>(job, at);
  }
}

void multiply(
    Rows rows, const float* weights, std::size_t filters, std::size_t positions, Sums sums) {
  compute(Product<Rows>{rows, weights, filters, sums}, positions);
}

void multiply_dense(
    Dense rows, const float* weights, std::size_t filters, std::size_t positions, Sums sums) {
  compute(Product<Dense>{rows, weights, filters, sums}, positions);
}

/// The sum of a vector's numbers.
LORAE_INLINE float total(Float value) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    Int other;
    for (int lane = 0; lane < kLanes; ++lane) {
      other[lane] = lane ^ half;
    }
    value += __builtin_shuffle(value, other);
  }
  return value[0];
}

/// The sums of the numbers of four vectors.
LORAE_INLINE Four totals(Float (&values)[4]) {
  transpose_fours(values);
  return sum_of_fours((values[0] + values[1]) + (values[2] + values[3]));
}

/// sums[f][k] for kCount filters and kColumns rows.
template <int kCount, int kColumns>
LORAE_INLINE void correlation_tile(const float* a,
                                   const float* const* row,
                                   std::size_t positions,
                                   float* sums,
                                   std::size_t stride) {
  Float sum[kCount][kColumns] = {};
  for (std::size_t p = 0; p < positions; p += kLanes) {
    Float x[kColumns];
    for (int k = 0; k < kColumns; ++k) {
      x[k] = load(row[k] + p);
    }
    for (int f = 0; f < kCount; ++f) {
      const Float factor = load(a + static_cast<std::size_t>(f) * positions + p);
      for (int k = 0; k < kColumns; ++k) {
        sum[f][k] += factor * x[k];
      }
    }
  }
  const auto at = [&](int f, int k) -> float& {
    return sums[static_cast<std::size_t>(f) * stride + static_cast<std::size_t>(k)];
  };
  for (int k = 0; k < kColumns; ++k) {
    if constexpr (kCount % 4 == 0) {
      for (int f = 0; f < kCount; f += 4) {
        Float four[4] = {sum[f][k], sum[f + 1][k], sum[f + 2][k], sum[f + 3][k]};
        const Four added = totals(four);
        for (int i = 0; i < 4; ++i) {
          at(f + i, k) += added[i];
        }
      }
    } else {
      for (int f = 0; f < kCount; ++f) {
        at(f, k) += total(sum[f][k]);
      }
    }
  }
}

/// All rows with filters in groups of at most kMost: a group's factors stay in the first cache.
template <int kMost>
LORAE_INLINE void correlation_filters(const float* a,
                                      std::size_t filters,
                                      Rows rows,
                                      std::size_t positions,
                                      float* sums,
                                      std::size_t stride,
                                      std::size_t first = 0) {
  for (; first + kMost <= filters; first += kMost) {
    const float* factors = a + first * positions;
    float* to = sums + first * stride;
    std::size_t k = 0;
    for (; k + kWide <= rows.count; k += kWide) {
      correlation_tile<kMost, kWide>(factors, rows.row + k, positions, to + k, stride);
    }
    for (; k < rows.count; ++k) {
      correlation_tile<kMost, 1>(factors, rows.row + k, positions, to + k, stride);
    }
  }
  if constexpr (kMost > 1) {
    correlation_filters<kMost / 2>(a, filters, rows, positions, sums, stride, first);
  }
}

void correlate(const float* a,
               std::size_t filters,
               Rows rows,
               std::size_t positions,
               float* sums,
               std::size_t stride) {
  correlation_filters<kFilters>(a, filters, rows, positions, sums, stride);
}

/// 1 / (1 + exp(-z)); of NaN, as of -88. Cephes' polynomial for exp on [-ln 2 / 2, ln 2 / 2], in
/// pairs of terms: one after the other, they would be what takes the time.
LORAE_INLINE Float sigmoid(const Float& z) {
  constexpr float kLog2E = 1.44269504F, kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  // Added, it leaves an integer and 127, the offset of a float's exponent, in the last bits.
  constexpr float kMagic = 12582912.0F + 127.0F;
  Float x = z > -88.0F ? z : Float{} - 88.0F;  // where exp is a normal float
  x = x < 87.0F ? x : Float{} + 87.0F;
  const Float shifted = x * -kLog2E + kMagic;
  const Float n = shifted - kMagic;
  const Float r = -(n * kLn2High + x) - n * kLn2Low;
  const Float square = r * r;
  const Float high = (r * 1.9875691500e-4F + 1.3981999507e-3F) * square +
                     (r * 8.3334519073e-3F + 4.1665795894e-2F);
  const Float p = (high * square + (r * 1.6666665459e-1F + 5.0000001201e-1F)) * square + r + 1.0F;
  const Int power = reinterpret_cast<Int>(shifted) << 23;  // 2^n
  return 1.0F / (p * reinterpret_cast<Float>(power) + 1.0F);
}

void activate(const float* z, float* y, std::size_t count) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Float value = load(z + i);
    store(y + i, value * sigmoid(value));
  }
  if (i < count) {
    Float value = {};
    std::memcpy(&value, z + i, (count - i) * sizeof(float));
    value *= sigmoid(value);
    std::memcpy(y + i, &value, (count - i) * sizeof(float));
  }
}

LORAE_INLINE Float gradient_of(const Float& z, const Float& dy) {
  const Float s = sigmoid(z);
  return dy * s * (1.0F + z * (1.0F - s));
}

void gradient(const float* z, const float* dy, float* dz, std::size_t count) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(dz + i, gradient_of(load(z + i), load(dy + i)));
  }
  if (i < count) {
    Float value = {}, slope = {};
    std::memcpy(&value, z + i, (count - i) * sizeof(float));
    std::memcpy(&slope, dy + i, (count - i) * sizeof(float));
    slope = gradient_of(value, slope);
    std::memcpy(dz + i, &slope, (count - i) * sizeof(float));
  }
}

void pick(const float* __restrict in,
          std::size_t stride,
          float* __restrict out,
          std::size_t count) {
  if (stride == 2) {  // a constant, so that the compiler makes shuffles of it
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = in[2 * i];
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = in[stride * i];
  }
}

}  // namespace

extern const Loops LORAE_LOOPS{.multiply = multiply,
                               .multiply_dense = multiply_dense,
                               .correlate = correlate,
                               .activate = activate,
                               .gradient = gradient,
                               .pick = pick};

}  // namespace lorae::ops::kernels
