#pragma once

#include "base/result.h"
#include "codec/block.h"
#include "codec/quantisers/bfloat.h"
#include "codec/segment.h"

namespace lorae::codec {

/// Rounds each value to the nearest bfloat16, ties to even: the range of float32, a relative error
/// of 2^-9 at most (2^-8 beyond the largest one, 3.39e38).
/// Layout: the upper two bytes of float32 each, row-major.
/// Source: Kalamkar et al. 2019 (arXiv:1905.12322).
struct BFloat16 {
  static constexpr bool kLossless = false;

  void segments(const BlockShape& block, std::vector<Segment>& to) const {
    to.push_back({Segment::Kind::kBytes, block.numel(), sizeof(std::uint16_t)});
  }
  void encode(const BlockView& block, Bytes& to) const;
  /// Exact. Infinities and NaN become themselves. Precondition: `bytes` has the right size.
  Result<bool> decode(ByteView bytes, Block& block) const;
};

}  // namespace lorae::codec
