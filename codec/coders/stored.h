#pragma once

#include "codec/coder.h"

namespace lorae::codec {

/// No coder: bytes as they are.
class Stored final : public Coder {
 public:
  void encode(ByteView bytes, Bytes& to) const override { append(to, bytes); }
  Result<ByteView> decode(ByteView bytes, std::size_t /*size*/, Bytes& /*scratch*/) const override {
    return bytes;
  }
};

}  // namespace lorae::codec
