#pragma once

#include <cstddef>
#include <cstdint>

/// The inner loops of ExactSum for one instruction set; fixed_point.h defines the arithmetic. All
/// of them give the same bits.
namespace lorae::aggregation {

/// The contributions values[i] * scale.
struct Term {
  const float* values;
  double scale;
};

struct SumLoops {
  /// The largest bit pattern of any |values[i]|; Inf is above all numbers, NaN above Inf.
  std::uint32_t (*largest)(const float* values, std::size_t count);

  /// Adds number `first` and the `count - 1` after it of each term to both planes, modulo 2^64.
  /// With -scale it takes the same contributions out again.
  void (*add)(std::uint64_t* high,
              std::uint64_t* low,
              const Term* terms,
              std::size_t term_count,
              std::size_t first,
              std::size_t count);

  /// to[i] += from[i], modulo 2^64.
  void (*merge)(std::uint64_t* to, const std::uint64_t* from, std::size_t count);
};

// sum_loops.cpp, compiled for each.
extern const SumLoops kGenericSum, kAvx2Sum, kAvx512Sum;

/// That of chosen_cpu().
const SumLoops& sum_loops();

}  // namespace lorae::aggregation
