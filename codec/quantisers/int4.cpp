#include "codec/quantisers/int4.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/quantisers/bfloat.h"

namespace lorae::codec {
namespace {

constexpr float kSteps = 7.0F;
constexpr float kLargestScale = std::numeric_limits<float>::max() / kSteps;

/// A step on either side, which the value is nearer to the likelier it is. The scale of value i is
/// that of its row.
void quantise_by_chance(std::span<const float> values,
                        const Rows& rows,
                        const std::vector<float>& scales,
                        Random& random,
                        std::span<std::int8_t> steps) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float scale = scales[i / rows.run % rows.count];
    const float draw = random.uniform();
    const float quotient =
        scale >= std::numeric_limits<float>::min() ? values[i] / scale : 0.0F;
    steps[i] = static_cast<std::int8_t>(std::floor(static_cast<double>(quotient) + draw));
  }
}

}  // namespace

void Int4::segments(const BlockShape& block, std::vector<Segment>& to) const {
  to.push_back({Segment::Kind::kBytes, Rows(block, scale_per).count, sizeof(std::uint16_t)});
  to.push_back({Segment::Kind::kNibbles, block.numel(), row_length(block)});
}

void Int4::encode(const BlockView& block, Random& random, Bytes& to) const {
  const Rows rows(block.shape, scale_per);
  std::vector<float> scales = magnitudes_of(block.values, rows);
  for (float& scale : scales) {
    std::uint16_t bits = bfloat_above(scale / kSteps);
    if (float_of_bfloat(bits) > kLargestScale) {
      --bits;
    }
    append_scale(to, bits);
    scale = float_of_bfloat(bits);
  }
  std::vector<std::int8_t> steps(block.values.size());
  if (rounding == Rounding::kNearest) {
    quantise(block.values, rows, scales, steps);
  } else {
    quantise_by_chance(block.values, rows, scales, random, steps);
  }
  const std::size_t start = to.size();
  to.resize(start + (steps.size() + 1) / 2);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    // The largest scale is rounded down, which leaves the largest values beyond the last step.
    const int step = std::clamp<int>(steps[i], -7, 7);
    const unsigned nibble = static_cast<unsigned>(step) & 15U;
    to[start + i / 2] |= static_cast<std::byte>(i % 2 == 0 ? nibble : nibble << 4U);
  }
}

Result<bool> Int4::decode(ByteView bytes, Block& block) const {
  const Rows rows(block, scale_per);
  std::vector<float> scales(rows.count);
  for (float& scale : scales) {
    scale = scale_in(bytes);
    bytes = bytes.subspan(sizeof(std::uint16_t));
    if (!(scale >= 0.0F && scale <= kLargestScale)) {
      return Error(ErrorCode::kCorruptData,
                   str("[int4] '", block.name, "': the scale is ", scale));
    }
  }
  std::vector<std::int8_t> steps(block.values.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto both = std::to_integer<int>(bytes[i / 2]);
    const int nibble = i % 2 == 0 ? both & 15 : both >> 4;
    if (nibble == 8) {
      return Error(ErrorCode::kCorruptData, str("[int4] '", block.name, "': a step is -8"));
    }
    steps[i] = static_cast<std::int8_t>(nibble < 8 ? nibble : nibble - 16);
  }
  dequantise(steps, rows, scales, block.values);
  return true;
}

}  // namespace lorae::codec
