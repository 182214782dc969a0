#pragma once

#include "codec/each_layer.h"

namespace lorae::codec {

/// One zstd frame. `level` is 1 to 9: higher levels of zstd 1.5.4 have a rare corruption bug.
Bytes zstd_encode(ByteView bytes, int level);

/// Decodes one whole frame of exactly `size` bytes of content. The size is the caller's knowledge;
/// what the frame claims is never used to allocate.
/// Errors (returned): kCorruptData if it is damaged, cut short, or holds more or less.
Result<Bytes> zstd_decode(ByteView bytes, std::size_t size);

/// One frame for each layer.
struct Zstd {
  int level = 3;

  void encode(ByteView bytes, Bytes& to) const { append(to, zstd_encode(bytes, level)); }
  Result<ByteView> decode(ByteView bytes, std::size_t size, Bytes& scratch) const;
};

}  // namespace lorae::codec
