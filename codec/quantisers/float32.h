#pragma once

#include <cstring>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/block.h"
#include "codec/segment.h"

namespace lorae::codec {

/// Values as they are.
/// Layout: float32 each, row-major.
struct Float32 {
  static constexpr bool kLossless = true;

  void segments(const BlockShape& block, std::vector<Segment>& to) const {
    to.push_back({Segment::Kind::kBytes, block.numel(), sizeof(float)});
  }
  void encode(const BlockView& block, Bytes& to) const { append(to, bytes_of(block.values)); }
  Result<bool> decode(ByteView bytes, Block& block) const {
    if (!bytes.empty()) {  // memcpy must not be given null, not even for nothing
      std::memcpy(block.values.data(), bytes.data(), bytes.size());
    }
    return true;
  }
};

}  // namespace lorae::codec
