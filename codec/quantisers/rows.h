#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "codec/block.h"

namespace lorae::codec {

/// How many values share a scale.
enum class ScalePer { kTensor, kRow };

/// How the values of a block share scales: a run of neighbours for each scale in turn, and again.
/// A block with one scale is one run; the columns of a matrix make runs of one value.
struct Rows {
  std::size_t count = 1;
  std::size_t run = 1;

  Rows(const BlockShape& block, ScalePer scale_per);
};

/// Numbers in a row of its first axis, for a coder that looks at neighbours.
inline std::size_t row_length(const BlockShape& block) {
  const std::size_t rows = block.shape.size() > 1 ? static_cast<std::size_t>(block.shape[0]) : 1;
  return rows == 0 ? 1 : block.numel() / rows;
}

/// Bytes as steps.
inline std::span<const std::int8_t> steps_in(ByteView bytes) {
  return {reinterpret_cast<const std::int8_t*>(bytes.data()), bytes.size()};
}
inline std::span<std::int8_t> steps_in(std::span<std::byte> bytes) {
  return {reinterpret_cast<std::int8_t*>(bytes.data()), bytes.size()};
}

/// The largest magnitude of each row; infinity or NaN if that is among them.
std::vector<float> magnitudes_of(std::span<const float> values, const Rows& rows);

/// Sum of the squares of each row, in an order that is the same everywhere.
std::vector<double> squares_of(std::span<const float> values, const Rows& rows);

/// steps = round-to-nearest-even(values / scale). Precondition: not more than 2^22 scales from 0;
/// beyond 127, the steps' lowest byte. A scale below the smallest normal number stands for none:
/// all steps are 0.
void quantise(std::span<const float> values,
              const Rows& rows,
              std::vector<float> scales,
              std::span<std::int8_t> steps);

/// values = scale * steps.
void dequantise(std::span<const std::int8_t> steps,
                const Rows& rows,
                const std::vector<float>& scales,
                std::span<float> values);

}  // namespace lorae::codec
