#pragma once

#include "codec/coder.h"

namespace lorae::codec {

/// One zstd frame. `level` is 1 to 9: higher levels of zstd 1.5.4 have a rare corruption bug.
Bytes zstd_encode(ByteView bytes, int level);

/// Decodes one whole frame of exactly `size` bytes of content. The size is the caller's knowledge;
/// what the frame claims is never used to allocate.
/// Errors (returned): kCorruptData if it is damaged, cut short, or holds more or less.
Result<Bytes> zstd_decode(ByteView bytes, std::size_t size);

/// One frame for each layer.
class Zstd final : public Coder {
 public:
  explicit Zstd(int level) : level_(level) {}

  void encode(ByteView bytes, Bytes& to) const override { append(to, zstd_encode(bytes, level_)); }
  Result<ByteView> decode(ByteView bytes, std::size_t size, Bytes& scratch) const override;

 private:
  int level_;
};

}  // namespace lorae::codec
