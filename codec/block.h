#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lorae::codec {

/// What both ends of a run know of one tensor: everything but its values.
struct BlockShape {
  std::string name;
  std::vector<std::int64_t> shape;
  /// The axis whose slices a quantiser may give a scale each, or -1: the rank axis of an extractor
  /// (its rows) and of a mapper (its columns), the output axis of other weights.
  int row_axis = -1;

  /// How many values it has; one without axes has one.
  std::size_t numel() const {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) {
      count *= static_cast<std::size_t>(extent);
    }
    return count;
  }

  bool operator==(const BlockShape&) const = default;
};

/// One named tensor as plain numbers: what a codec sees of a model.
struct Block : BlockShape {
  std::vector<float> values;  ///< row-major, numel() of them

  bool operator==(const Block&) const = default;
};

/// A state in canonical order: sorted by name. Both ends of a run hold blocks of the same names
/// and shapes, so a payload needs to carry neither.
using Blocks = std::vector<Block>;

/// A block to encode, whose values lie elsewhere.
struct BlockView {
  const BlockShape& shape;
  std::span<const float> values;     ///< row-major, shape.numel() of them
  std::span<const float> base = {};  ///< if `values` are changes: of this, which both ends hold
};

/// The layer a block belongs to, for the ledger: its name up to the last dot.
inline std::string_view layer_of(std::string_view block_name) {
  return block_name.substr(0, block_name.rfind('.'));  // all of it if there is none
}

}  // namespace lorae::codec
