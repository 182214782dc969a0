#pragma once

// Vectors for loops that are compiled once for each instruction set: LORAE_LANES says how many
// floats are in one. No header with code of its own here: the linker could take that code, built
// for AVX-512, for the whole program.
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lorae::ops::kernels {
namespace {

constexpr int kLanes = LORAE_LANES;

using Float [[gnu::vector_size(kLanes * 4)]] = float;
using Int [[gnu::vector_size(kLanes * 4)]] = std::int32_t;
using Unaligned [[gnu::vector_size(kLanes * 4), gnu::aligned(4), gnu::may_alias]] = float;

#define LORAE_INLINE [[gnu::always_inline]] inline

LORAE_INLINE Float load(const float* from) {
  return *reinterpret_cast<const Unaligned*>(from);
}

LORAE_INLINE void store(float* to, const Float& value) {
  *reinterpret_cast<Unaligned*>(to) = value;
}

using Four [[gnu::vector_size(16)]] = float;
using UnalignedFour [[gnu::vector_size(16), gnu::aligned(4), gnu::may_alias]] = float;

LORAE_INLINE Four load_four(const float* from) {
  return *reinterpret_cast<const UnalignedFour*>(from);
}

LORAE_INLINE void store_four(float* to, const Four& value) {
  *reinterpret_cast<UnalignedFour*>(to) = value;
}

/// Runs of four numbers, each `pitch` after the one before it.
LORAE_INLINE Float load_fours(const float* from, std::size_t pitch) {
#if LORAE_LANES == 4
  static_cast<void>(pitch);
  return load_four(from);
#else
  const auto pair = [&](const float* at) {
    return __builtin_shufflevector(load_four(at), load_four(at + pitch), 0, 1, 2, 3, 4, 5, 6, 7);
  };
#if LORAE_LANES == 8
  return pair(from);
#else
  return __builtin_shufflevector(pair(from), pair(from + 2 * pitch), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                                 10, 11, 12, 13, 14, 15);
#endif
#endif
}

LORAE_INLINE void store_fours(float* to, std::size_t pitch, const Float& value) {
#if LORAE_LANES == 4
  static_cast<void>(pitch);
  store_four(to, value);
#else
  store_four(to, __builtin_shufflevector(value, value, 0, 1, 2, 3));
  store_four(to + pitch, __builtin_shufflevector(value, value, 4, 5, 6, 7));
#if LORAE_LANES == 16
  store_four(to + 2 * pitch, __builtin_shufflevector(value, value, 8, 9, 10, 11));
  store_four(to + 3 * pitch, __builtin_shufflevector(value, value, 12, 13, 14, 15));
#endif
#endif
}

/// The sum of the runs of four numbers.
LORAE_INLINE Four sum_of_fours(const Float& value) {
#if LORAE_LANES == 4
  return value;
#else
  Four sum = __builtin_shufflevector(value, value, 0, 1, 2, 3) +
             __builtin_shufflevector(value, value, 4, 5, 6, 7);
#if LORAE_LANES == 16
  sum += __builtin_shufflevector(value, value, 8, 9, 10, 11) +
         __builtin_shufflevector(value, value, 12, 13, 14, 15);
#endif
  return sum;
#endif
}

/// In each run of four numbers: those of `a` at the first two places, then those of `b`.
template <int kA0, int kA1, int kB0, int kB1, typename Vector>
LORAE_INLINE Vector pick_fours(const Vector& a, const Vector& b) {
  constexpr int kCount = sizeof(Vector) / sizeof(float);
  decltype(a < b) places;
  for (int run = 0; run < kCount; run += 4) {
    places[run] = run + kA0;
    places[run + 1] = run + kA1;
    places[run + 2] = run + kB0 + kCount;
    places[run + 3] = run + kB1 + kCount;
  }
  return __builtin_shuffle(a, b, places);
}

/// Transposes the 4 x 4 matrices that the runs of four numbers of four vectors are.
template <typename Vector>
LORAE_INLINE void transpose_fours(Vector (&rows)[4]) {
  const Vector a = pick_fours<0, 1, 0, 1>(rows[0], rows[1]);
  const Vector b = pick_fours<2, 3, 2, 3>(rows[0], rows[1]);
  const Vector c = pick_fours<0, 1, 0, 1>(rows[2], rows[3]);
  const Vector d = pick_fours<2, 3, 2, 3>(rows[2], rows[3]);
  rows[0] = pick_fours<0, 2, 0, 2>(a, c);
  rows[1] = pick_fours<1, 3, 1, 3>(a, c);
  rows[2] = pick_fours<0, 2, 0, 2>(b, d);
  rows[3] = pick_fours<1, 3, 1, 3>(b, d);
}

}  // namespace
}  // namespace lorae::ops::kernels
