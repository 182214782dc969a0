#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/segment.h"
#include "codec/stage.h"

namespace lorae::codec {

/// A payload that is being written, layer by layer.
class Encoding {
 public:
  virtual ~Encoding() = default;

  /// The bytes of the next layer, and what they stand for. No bytes: all of them are zero.
  virtual void add(ByteView bytes, std::span<const Segment> segments) = 0;

  /// Appends the payload. Returns the bytes of each layer in it, which sum to all of it.
  virtual std::vector<std::size_t> finish(Bytes& payload) = 0;
};

/// A payload that is being read. What it claims itself is never used to allocate.
class Decoding {
 public:
  struct Layer {
    ByteView bytes;         ///< until the next call; none: all are zero
    std::size_t coded = 0;  ///< its bytes in the payload
  };

  virtual ~Decoding() = default;

  /// The bytes of the next layer: as many as `segments` have, or none.
  /// Errors (returned): kCorruptData.
  virtual Result<Layer> next(std::span<const Segment> segments) = 0;

  /// After the last layer. Errors (returned): kCorruptData for bytes that are left.
  virtual Result<bool> finish() = 0;
};

/// How the bytes of layers become fewer, without loss; it makes the whole payload of them. One that
/// sees single layers is an EachLayer. Threads: calls are concurrent; what they return is one
/// thread's.
class Coder {
 public:
  virtual ~Coder() = default;

  virtual std::unique_ptr<Encoding> encoding() const = 0;
  /// `payload` has to outlive it.
  virtual std::unique_ptr<Decoding> decoding(ByteView payload) const = 0;
};

/// The table of the place "coder"; the first is taken where a chain names none.
std::span<const StageEntry<Coder>> coders();

}  // namespace lorae::codec
