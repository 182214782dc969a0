#pragma once

#include <cstdint>

/// The numbers of an exact sum: weight * value, rounded to a multiple of 2^-70, as two integers.
///
/// Formula: x = weight * value * 2^70 = high * 2^50 + low, where high = rint(x / 2^50) and
/// low = rint(x - high * 2^50), ties to even. The product is rounded to double, which changes
/// nothing for weights below 2^29; all steps between it and the two integers are exact. So a
/// contribution is a function of its weight and value alone, and sums of integers have no order.
/// Units: a contribution is smaller than 2^29 and exact from |value| >= 2^-47 (7e-15) on for
/// weights below 2^29; it is wrong by at most 2^-71 (4.2e-22) otherwise, plus 2^-53 of itself for
/// larger weights. Either integer is at most 2^49 in size, so that 16,383 of them fit into 64 bits.
namespace lorae::aggregation {

inline constexpr int kFractionBits = 70;                   ///< the quantum is 2^-70
inline constexpr int kLowBits = 50;                        ///< high counts 2^50 quanta
inline constexpr int kRangeBits = 29;                      ///< |weight * value| < 2^29
inline constexpr std::uint64_t kMaxContributions = 16383;  ///< of one sum, all parts together
inline constexpr std::uint64_t kMaxWeight = std::uint64_t{1} << 40;  ///< of one contribution

/// 1.5 * 2^(52 + bits): x + this - this is x rounded to a multiple of 2^bits if |x| < 2^(51 +
/// bits), and the difference of the bit patterns of x + this and of this is that multiple.
inline constexpr double kRoundHigh = 0x1.8p102;
inline constexpr double kRoundLow = 0x1.8p52;
inline constexpr std::uint64_t kRoundHighBits = 0x4658000000000000;
inline constexpr std::uint64_t kRoundLowBits = 0x4338000000000000;

/// weight * 2^70, exact. Precondition: 0 < weight <= kMaxWeight.
inline double scale_of(std::uint64_t weight) {
  return static_cast<double>(weight) * 0x1p70;
}

/// The bits of the largest float32 that may have this weight. The bits of |value| are above it if
/// the value is too large, Inf or NaN. Precondition: as scale_of.
std::uint32_t limit_of(std::uint64_t weight);

}  // namespace lorae::aggregation
