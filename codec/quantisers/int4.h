#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/seed.h"
#include "codec/quantisers/rows.h"
#include "codec/segment.h"

namespace lorae::codec {

/// To the nearest step, or to one of both neighbours by chance, so that the mean is the value.
enum class Rounding { kNearest, kStochastic };

/// Rounds each value to one of 15 steps of its group's scale.
///
/// Formula: scale = max|x| / 7 over the group, as a bfloat16; q = round-to-nearest-even(x / scale),
///          or floor(x / scale + u) with u uniform in [0, 1).
/// Layout:  bfloat16 scales (one, or one per row), then four bits for each value, row-major, the
///          first one of two in the low half.
/// Source:  as Int8; stochastic rounding: QSGD, Alistarh et al. 2017 (arXiv:1610.02132), section 3.
struct Int4 {
  static constexpr bool kLossless = false;

  ScalePer scale_per = ScalePer::kTensor;
  Rounding rounding = Rounding::kNearest;

  void segments(const BlockShape& block, std::vector<Segment>& to) const;
  /// `random` is drawn from where rounding is stochastic, once for each value.
  void encode(const BlockView& block, Random& random, Bytes& to) const;
  /// Errors (returned): kCorruptData for a scale that is negative or not finite. Precondition:
  /// `bytes` has the right size.
  Result<bool> decode(ByteView bytes, Block& block) const;
};

}  // namespace lorae::codec
