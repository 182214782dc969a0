#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/seed.h"
#include "codec/block.h"
#include "codec/segment.h"
#include "codec/stage.h"

namespace lorae::codec {

/// How the values of a layer become bytes. It sees all blocks of a layer at once, so it may treat
/// an extractor and its mapper as one; one that sees single blocks is an EachBlock.
/// Threads: calls are concurrent.
class Quantiser {
 public:
  virtual ~Quantiser() = default;

  /// What `encode` makes of blocks like these, whatever their values: how many bytes, and what they
  /// stand for.
  virtual std::vector<Segment> segments(std::span<const BlockShape> layer) const = 0;

  /// Appends a layer's values, which are finite. Zeros become zero bytes. `random` is this
  /// payload's.
  /// Errors: kInvalidArgument for values that it cannot write.
  virtual void encode(std::span<const BlockView> layer, Random& random, Bytes& to) const = 0;

  /// Fills the values of `layer`, which have their right number. `base`: what they are changes of,
  /// with the same shapes; empty if they are none. Precondition: `bytes` has the right size. Values
  /// that are not finite are the caller's to find.
  /// Errors (returned): kCorruptData for bytes that `encode` cannot have made.
  virtual Result<bool> decode(ByteView bytes,
                              std::span<const Block> base,
                              std::span<Block> layer) const = 0;

  enum class Kind {
    kLossless,  ///< decoding gives back the very bits that were encoded
    kLossy,
    kLossyChange,  ///< the same, and it is about changes: nothing else can be encoded
  };
  virtual Kind kind() const = 0;
};

/// The table of the place "quantiser"; the first is taken where a chain names none.
std::span<const StageEntry<Quantiser>> quantisers();

}  // namespace lorae::codec
