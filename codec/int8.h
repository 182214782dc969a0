#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/block.h"

namespace lorae::codec {

/// How many values share a scale.
enum class ScalePer { kTensor, kRow };

/// Rounds each value to one of 255 steps of its group's scale.
///
/// Formula: scale = max|x| / 127 over the group; q = round-to-nearest-even(x / scale).
/// Layout:  float32 scales (one, or one per row), then one int8 per value, row-major.
/// Errors:  kInvalidArgument if a value is not finite: did local training diverge?
/// Source:  symmetric linear quantisation, Jacob et al. 2018 (arXiv:1712.05877), section 2.
Bytes int8_encode(const Block& block, ScalePer scale_per);

/// Bytes that int8_encode makes of a block of this shape.
std::size_t int8_size(const Block& block, ScalePer scale_per);

/// Fills `block.values` (already of the right size) from bytes.
/// Errors (returned): kCorruptData on a wrong length or a scale that is not finite.
Result<bool> int8_decode(ByteView bytes, ScalePer scale_per, Block& block);

}  // namespace lorae::codec
