// The transforms of Winograd's F(4 x 4, 3 x 3), compiled once for each instruction set as
// kernels_loops.cpp is. Vectors run along tiles.
#include "ops/loops/kernels_loops.h"
#include "ops/loops/kernels_vector.h"

namespace lorae::ops::kernels {
namespace {

constexpr std::size_t kWidth = kLanes;

/// kLanes numbers of each of the four interleaved sequences at `from`.
LORAE_INLINE void split(const float* from, Float (&parts)[4]) {
  for (std::size_t i = 0; i < 4; ++i) {
    parts[i] = load_fours(from + 4 * i, 16);
  }
  transpose_fours(parts);
}

/// The reverse.
LORAE_INLINE void join(Float (&parts)[4], float* to) {
  transpose_fours(parts);
  for (std::size_t i = 0; i < 4; ++i) {
    store_fours(to + 4 * i, 16, parts[i]);
  }
}

/// B^T x, for the points 0, 1, -1, 2, -2 and infinity.
LORAE_INLINE void at_points(const Float (&x)[6], Float (&v)[6]) {
  const Float a = x[4] - 4.0F * x[2], b = x[3] - 4.0F * x[1];
  const Float c = x[4] - x[2], d = 2.0F * (x[3] - x[1]);
  v[0] = 4.0F * (x[0] - x[2]) + c;
  v[1] = a + b;
  v[2] = a - b;
  v[3] = c + d;
  v[4] = c - d;
  v[5] = 4.0F * x[1] - 5.0F * x[3] + x[5];
}

/// A^T m.
LORAE_INLINE void from_points(const Float (&m)[6], Float (&y)[4]) {
  const Float a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  y[0] = m[0] + a + c;
  y[1] = b + 2.0F * d;
  y[2] = a + 4.0F * c;
  y[3] = b + 8.0F * d + m[5];
}

/// G g.
LORAE_INLINE void filter_at_points(const Float& a, const Float& b, const Float& c, Float (&u)[6]) {
  constexpr float kSixth = 1.0F / 6.0F;
  const Float even = kSixth * (a + c), odd = kSixth * b;
  const Float half = kSixth * (0.25F * a + c), other = 0.5F * odd;
  u[0] = 0.25F * a;
  u[1] = -even - odd;
  u[2] = odd - even;
  u[3] = half + other;
  u[4] = half - other;
  u[5] = c;
}

/// Through the rows: B^T times six rows of the input. Row i of the results is at i * pitch; what is
/// right of the input's last column stays as it is.
LORAE_INLINE void rows_at_points(const float* const* in,
                                 std::size_t width,
                                 std::size_t pitch,
                                 float* out) {
  const auto some = [&](const float* const* from, std::size_t column, float* to) {
    Float x[6], v[6];
    for (std::size_t i = 0; i < 6; ++i) {
      x[i] = load(from[i] + column);
    }
    at_points(x, v);
    for (std::size_t i = 0; i < 6; ++i) {
      store(to + i * pitch + column, v[i]);
    }
  };
  if (width < kWidth) {  // `out` has room for a whole vector; after it, zeros
    float padded[6][kWidth] = {};
    const float* rows[6];
    for (std::size_t i = 0; i < 6; ++i) {
      std::memcpy(padded[i], in[i], width * sizeof(float));
      rows[i] = padded[i];
    }
    some(rows, 0, out);
    return;
  }
  for (std::size_t column = 0; column + kWidth <= width; column += kWidth) {
    some(in, column, out);
  }
  some(in, width - kWidth, out);
}

void transform_input(WinogradInput input) {
  const auto [rows, width, padding, tiles, room, scratch, pitch, out, stride] = input;
  rows_at_points(rows, width, pitch, scratch + padding);
  for (std::size_t tile = 0; tile < tiles; tile += kWidth) {
    for (std::size_t i = 0; i < 6; ++i) {
      Float parts[4], next[4], v[6];
      split(scratch + i * pitch + 4 * tile, parts);
      split(scratch + i * pitch + 4 * tile + 4, next);
      at_points({parts[0], parts[1], parts[2], parts[3], next[0], next[1]}, v);
      float* to = out + 6 * i * stride + tile;
      if (room - tile >= kWidth) {
        for (std::size_t j = 0; j < 6; ++j) {
          store(to + j * stride, v[j]);
        }
      } else {
        for (std::size_t j = 0; j < 6; ++j) {
          std::memcpy(to + j * stride, &v[j], (room - tile) * sizeof(float));
        }
      }
    }
  }
}

LORAE_INLINE void copy_some(const float* from, std::size_t count, float* to) {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    store_four(to + i, load_four(from + i));
  }
  for (; i < count; ++i) {
    to[i] = from[i];
  }
}

void transform_output(const float* in,
                      std::size_t stride,
                      float bias,
                      float* out,
                      std::size_t height,
                      std::size_t width) {
  for (std::size_t tile = 0; 4 * tile < width; tile += kWidth) {
    Float rows[4][6];
    for (std::size_t j = 0; j < 6; ++j) {
      Float m[6], y[4];
      for (std::size_t i = 0; i < 6; ++i) {
        m[i] = load(in + (6 * i + j) * stride + tile);
      }
      from_points(m, y);
      for (std::size_t i = 0; i < 4; ++i) {
        rows[i][j] = y[i];
      }
    }
    const std::size_t count = width - 4 * tile;
    for (std::size_t i = 0; i < height; ++i) {
      Float y[4];
      from_points(rows[i], y);
      for (Float& value : y) {
        value += bias;
      }
      float* to = out + i * width + 4 * tile;
      if (count >= 4 * kWidth) {
        join(y, to);
      } else {
        float some[4 * kWidth];
        join(y, some);
        copy_some(some, count, to);
      }
    }
  }
}

void transform_filters(
    const float* filters, std::size_t pitch, bool flipped, float* out, std::size_t stride) {
  float taps[9 * kBlock];  // [tap][filter]
  for (std::size_t filter = 0; filter < kBlock; filter += 4) {
    for (std::size_t tap = 0; tap < 8; tap += 4) {
      Four rows[4];
      for (std::size_t i = 0; i < 4; ++i) {
        rows[i] = load_four(filters + (filter + i) * pitch + tap);
      }
      transpose_fours(rows);
      for (std::size_t i = 0; i < 4; ++i) {
        store_four(taps + (tap + i) * kBlock + filter, rows[i]);
      }
    }
  }
  for (std::size_t filter = 0; filter < kBlock; ++filter) {
    taps[8 * kBlock + filter] = filters[filter * pitch + 8];
  }
  const auto tap = [&](std::size_t i) { return taps + (flipped ? 8 - i : i) * kBlock; };
  for (std::size_t filter = 0; filter < kBlock; filter += kWidth) {
    Float columns[3][6];
    for (std::size_t j = 0; j < 3; ++j) {
      filter_at_points(load(tap(j) + filter), load(tap(3 + j) + filter), load(tap(6 + j) + filter),
                       columns[j]);
    }
    for (std::size_t i = 0; i < 6; ++i) {
      Float u[6];
      filter_at_points(columns[0][i], columns[1][i], columns[2][i], u);
      for (std::size_t j = 0; j < 6; ++j) {
        store(out + (6 * i + j) * stride + filter, u[j]);
      }
    }
  }
}

}  // namespace

#define LORAE_JOINED(a, b) a##b
#define LORAE_NAMED(a, b) LORAE_JOINED(a, b)
extern const WinogradLoops LORAE_NAMED(LORAE_LOOPS, Winograd){
    .input = transform_input, .output = transform_output, .filters = transform_filters};

}  // namespace lorae::ops::kernels
