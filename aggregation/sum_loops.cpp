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

/// The planes are read and written once for all `kTerms`.
template <std::size_t kTerms>
void add_together(std::uint64_t* __restrict high,
                  std::uint64_t* __restrict low,
                  const Term* terms,
                  std::size_t first,
                  std::size_t count) {
  const float* values[kTerms];
  double scale[kTerms];
  for (std::size_t k = 0; k < kTerms; ++k) {
    values[k] = terms[k].values + first;
    scale[k] = terms[k].scale;
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t high_bits = 0;
    std::uint64_t low_bits = 0;
    for (std::size_t k = 0; k < kTerms; ++k) {
      const double x = static_cast<double>(values[k][i]) * scale[k];
      const double rounded = x + kRoundHigh;
      const double rest = (x - (rounded - kRoundHigh)) + kRoundLow;
      high_bits += __builtin_bit_cast(std::uint64_t, rounded);
      low_bits += __builtin_bit_cast(std::uint64_t, rest);
    }
    high[first + i] += high_bits - kTerms * kRoundHighBits;
    low[first + i] += low_bits - kTerms * kRoundLowBits;
  }
}

void add(std::uint64_t* high,
         std::uint64_t* low,
         const Term* terms,
         std::size_t term_count,
         std::size_t first,
         std::size_t count) {
  for (; term_count >= 5; terms += 5, term_count -= 5) {
    add_together<5>(high, low, terms, first, count);
  }
  switch (term_count) {
    case 4:
      return add_together<4>(high, low, terms, first, count);
    case 3:
      return add_together<3>(high, low, terms, first, count);
    case 2:
      return add_together<2>(high, low, terms, first, count);
    case 1:
      return add_together<1>(high, low, terms, first, count);
    default:
      return;
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
