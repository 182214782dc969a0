#include "codec/layout.h"

namespace lorae::codec {

Blocks Layout::zeros() const {
  Blocks blocks;
  blocks.reserve(shapes_.size());
  for (const BlockShape& shape : shapes_) {
    blocks.push_back({shape, std::vector<float>(shape.numel())});
  }
  return blocks;
}

Layout layout_of(const Blocks& blocks) {
  return Layout(std::vector<BlockShape>(blocks.begin(), blocks.end()));
}

}  // namespace lorae::codec
