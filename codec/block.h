#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lorae::codec {

/// One named tensor as plain numbers: what a codec sees of a model.
struct Block {
  std::string name;
  std::vector<std::int64_t> shape;
  /// The axis whose slices a quantiser may give a scale each, or -1: the rank axis of an extractor
  /// (its rows) and of a mapper (its columns), the output axis of other weights.
  int row_axis = -1;
  std::vector<float> values;  ///< row-major

  bool operator==(const Block&) const = default;
};

/// A state in canonical order: sorted by name. Both ends of a run hold blocks of the same names
/// and shapes, so a payload needs to carry neither.
using Blocks = std::vector<Block>;

/// The layer a block belongs to, for the ledger: its name up to the last dot.
inline std::string layer_of(const std::string& block_name) {
  const std::size_t dot = block_name.rfind('.');
  return dot == std::string::npos ? block_name : block_name.substr(0, dot);
}

}  // namespace lorae::codec
