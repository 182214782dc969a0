#pragma once

#include "codec/block.h"

namespace lorae::codec {

/// Neighbouring blocks of one layer: [begin, end) of a list of blocks.
struct LayerRange {
  std::string layer;
  std::size_t begin = 0;
  std::size_t end = 0;

  /// Its part of `list`, which has an element for each block.
  template <typename T>
  std::span<T> of(std::span<T> list) const {
    return list.subspan(begin, end - begin);
  }
};

/// The layers of blocks (Block or BlockShape) in their order.
template <typename AnyBlock>
std::vector<LayerRange> layers_of(std::span<const AnyBlock> blocks) {
  std::vector<LayerRange> layers;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::string_view layer = layer_of(blocks[i].name);
    if (layers.empty() || layers.back().layer != layer) {
      layers.push_back({std::string(layer), i, i});
    }
    layers.back().end = i + 1;
  }
  return layers;
}

/// Names, shapes and row axes of a state's blocks, and their layers: all that decoding needs to
/// know of a model. Made once. Threads: const calls are concurrent.
class Layout {
 public:
  Layout() = default;
  explicit Layout(std::vector<BlockShape> shapes)
      : shapes_(std::move(shapes)), layers_(layers_of(blocks())) {}

  std::span<const BlockShape> blocks() const noexcept { return shapes_; }
  const std::vector<LayerRange>& layers() const noexcept { return layers_; }

  /// Blocks of this layout, all zero.
  Blocks zeros() const;

 private:
  std::vector<BlockShape> shapes_;
  std::vector<LayerRange> layers_;
};

Layout layout_of(const Blocks& blocks);

}  // namespace lorae::codec
