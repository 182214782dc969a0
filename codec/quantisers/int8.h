#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/quantisers/rows.h"
#include "codec/segment.h"

namespace lorae::codec {

/// Rounds each value to one of 255 steps of its group's scale.
///
/// Formula: scale = max|x| / 127 over the group; q = round-to-nearest-even(x / scale).
/// Layout:  float32 scales (one, or one per row), then one int8 per value, row-major.
/// Source:  symmetric linear quantisation, Jacob et al. 2018 (arXiv:1712.05877), section 2.
struct Int8 {
  static constexpr bool kLossless = false;

  ScalePer scale_per = ScalePer::kTensor;

  void segments(const BlockShape& block, std::vector<Segment>& to) const;

  /// Errors: kInvalidArgument if a value is not finite: did local training diverge?
  void encode(const BlockView& block, Bytes& to) const;

  /// Errors (returned): kCorruptData on a wrong length or a scale that is not finite.
  Result<bool> decode(ByteView bytes, Block& block) const;
};

}  // namespace lorae::codec
