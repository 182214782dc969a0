#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/block.h"
#include "codec/segment.h"

namespace lorae::codec {

/// Rounds each value to the nearest half-precision number, ties to even.
///
/// Layout: IEEE 754 binary16 each, row-major.
/// Errors: kInvalidArgument for a value that would round beyond 65504, the largest of them.
/// Source: IEEE 754-2008, binary16. Relative error 2^-11 at most from 2^-14 on; below, steps of
/// 2^-24.
struct Float16 {
  static constexpr bool kLossless = false;

  void segments(const BlockShape& block, std::vector<Segment>& to) const;
  void encode(const BlockView& block, Bytes& to) const;
  /// Exact. Infinities and NaN become themselves.
  Result<bool> decode(ByteView bytes, Block& block) const;
};

}  // namespace lorae::codec
