// The loops of sum_loops.h, compiled once for each instruction set: the macro LORAE_SUM_LOOPS is
// the name. Plain loops, which the compiler turns into vectors. No header with code of its own that
// is used here: the linker could take that code, built for AVX-512, for the whole program.
#include "aggregation/sum_loops.h"

#include "aggregation/fixed_point.h"

namespace lorae::aggregation {
namespace {

std::uint32_t largest(const float* values, std::size_t count) {
  std::int32_t most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t bits = __builtin_bit_cast(std::int32_t, values[i]) & 0x7fffffff;
    most = bits > most ? bits : most;
  }
  return static_cast<std::uint32_t>(most);
}

void add(std::uint64_t* __restrict high,
         std::uint64_t* __restrict low,
         const float* __restrict values,
         double scale,
         std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(values[i]) * scale;
    const double rounded = x + kRoundHigh;
    const double rest = (x - (rounded - kRoundHigh)) + kRoundLow;
    high[i] += __builtin_bit_cast(std::uint64_t, rounded) - kRoundHighBits;
    low[i] += __builtin_bit_cast(std::uint64_t, rest) - kRoundLowBits;
  }
}

void merge(std::uint64_t* to, const std::uint64_t* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    to[i] += from[i];
  }
}

}  // namespace

extern const SumLoops LORAE_SUM_LOOPS;
const SumLoops LORAE_SUM_LOOPS = {largest, add, merge};

}  // namespace lorae::aggregation
