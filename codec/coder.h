#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/stage.h"

namespace lorae::codec {

/// How the bytes of a layer become fewer, without loss. Threads: calls are concurrent.
class Coder {
 public:
  virtual ~Coder() = default;

  /// Appends what stands for `bytes`.
  virtual void encode(ByteView bytes, Bytes& to) const = 0;

  /// The bytes that were encoded: a view of `bytes` or of `scratch`. There should be `size` of
  /// them, which the caller checks; what the bytes themselves claim is never used to allocate.
  /// Errors (returned): kCorruptData.
  virtual Result<ByteView> decode(ByteView bytes, std::size_t size, Bytes& scratch) const = 0;
};

/// The table of the place "coder"; the first is taken where a chain names none.
std::span<const StageEntry<Coder>> coders();

}  // namespace lorae::codec
