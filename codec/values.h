#pragma once

#include "codec/block.h"

namespace lorae::codec {

/// True if every value is finite.
bool all_finite(std::span<const float> values);
bool all_finite(const Blocks& blocks);

/// a - b, value by value, into `to`. Precondition: three of the same size; `to` may be `a`.
void subtract(std::span<const float> a, std::span<const float> b, std::span<float> to);

/// Errors: kInvalidArgument unless both have blocks of the same names and sizes.
void check_aligned(const Blocks& a, const Blocks& b);

/// a - b, block by block. Errors: as check_aligned.
Blocks subtract(const Blocks& a, const Blocks& b);

/// a = a - b. Errors: as check_aligned.
void subtract_(Blocks& a, const Blocks& b);

}  // namespace lorae::codec
