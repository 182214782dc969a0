#pragma once

// Vectors for loops that are compiled once for each instruction set: LORAE_LANES says how many
// floats are in one. No header with code of its own here: the linker could take that code, built
// for AVX-512, for the whole program.
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lorae::adapters::kernels {
namespace {

constexpr int kLanes = LORAE_LANES;

using Float [[gnu::vector_size(kLanes * 4)]] = float;
using Int [[gnu::vector_size(kLanes * 4)]] = std::int32_t;

#define LORAE_INLINE [[gnu::always_inline]] inline

LORAE_INLINE Float load(const float* from) {
  Float value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

LORAE_INLINE void store(float* to, const Float& value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace
}  // namespace lorae::adapters::kernels
