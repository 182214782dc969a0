#pragma once

#include <cstddef>
#include <span>

namespace lorae::codec {

/// What a run of bytes in a quantised layer stands for, so that a coder can make use of it.
struct Segment {
  enum class Kind {
    kBytes,    ///< numbers of `width` bytes each
    kSteps,    ///< signed numbers of one byte, mostly near 0
    kNibbles,  ///< the same, two in a byte: the first one in the low half; from -8 to 7
  };

  Kind kind = Kind::kBytes;
  std::size_t count = 0;  ///< how many numbers
  std::size_t width = 1;  ///< kBytes: bytes of a number; else numbers of a row: those above are kin

  std::size_t bytes() const {
    switch (kind) {
      case Kind::kBytes:
        return count * width;
      case Kind::kNibbles:
        return count / 2 + count % 2;
      case Kind::kSteps:
        break;
    }
    return count;
  }
};

/// Bytes of all.
inline std::size_t size_of(std::span<const Segment> segments) {
  std::size_t size = 0;
  for (const Segment& segment : segments) {
    size += segment.bytes();
  }
  return size;
}

}  // namespace lorae::codec
