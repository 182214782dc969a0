#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/quantisers/rows.h"
#include "codec/segment.h"

namespace lorae::codec {

/// Rounds each value to a multiple of one step of the tensor. With a coder behind it that knows how
/// often which step comes, this is nearly the best that fixed-rate theory allows.
///
/// Formula: step = c sqrt(mean of x^2 over all x that are not 0), but at least max|x| / 127, as a
///          bfloat16; q = round-to-nearest-even(x / step). An error is half a step at most; all is 0
///          if the step is below 2^-126.
/// Layout:  bfloat16 step (none if there are no values), then one int8 per value, row-major.
/// Source:  entropy-coded scalar quantisation, Gish & Pierce 1968, IEEE Trans. Inf. Theory 14(5).
struct RmsStep {
  static constexpr bool kLossless = false;

  double relative = 1.0;  ///< c

  void segments(const BlockShape& block, std::vector<Segment>& to) const;
  void encode(const BlockView& block, Bytes& to) const;
  /// Errors (returned): kCorruptData for a step that is negative or too large. Precondition:
  /// `bytes` has the right size.
  Result<bool> decode(ByteView bytes, Block& block) const;
};

inline constexpr float kMostSteps = 127.0F;  ///< from 0: what int8 holds on either side

/// A step as a payload can say it: the nearest bfloat16 to the larger one of both; 0 if that is too
/// small to divide by.
std::uint16_t step_bits(double wanted, double least);

/// True for what step_bits can give, unless damaged.
bool is_step(float step);

/// quantise(), with steps that end at 127 on either side.
void quantise_to_127(std::span<const float> values,
                     const Rows& rows,
                     const std::vector<float>& scales,
                     std::span<std::int8_t> steps);

}  // namespace lorae::codec
