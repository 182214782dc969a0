#pragma once

#include "codec/each_layer.h"

namespace lorae::codec {

/// No coder: bytes as they are.
struct Stored {
  void encode(ByteView bytes, Bytes& to) const { append(to, bytes); }
  Result<ByteView> decode(ByteView bytes, std::size_t /*size*/, Bytes& /*scratch*/) const {
    return bytes;
  }
};

}  // namespace lorae::codec
