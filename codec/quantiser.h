#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/block.h"
#include "codec/stage.h"

namespace lorae::codec {

/// How the values of a layer become bytes. It sees all blocks of a layer at once, so it may treat
/// an extractor and its mapper as one; one that sees single blocks is an EachBlock.
/// Threads: calls are concurrent.
class Quantiser {
 public:
  virtual ~Quantiser() = default;

  /// Appends a layer's values, which are finite.
  /// Errors: kInvalidArgument for values that it cannot write.
  virtual void encode(std::span<const BlockView> layer, Bytes& to) const = 0;

  /// How many bytes `encode` makes of blocks like these, whatever their values.
  virtual std::size_t size(std::span<const BlockShape> layer) const = 0;

  /// Fills the values of `layer`, which have their right number. Precondition: `bytes` has the
  /// right size. Values that are not finite are the caller's to find.
  /// Errors (returned): kCorruptData for bytes that `encode` cannot have made.
  virtual Result<bool> decode(ByteView bytes, std::span<Block> layer) const = 0;

  /// True if decoding gives back the very bits that were encoded.
  virtual bool lossless() const { return false; }
};

/// The table of the place "quantiser"; the first is taken where a chain names none.
std::span<const StageEntry<Quantiser>> quantisers();

}  // namespace lorae::codec
