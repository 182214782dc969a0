#include "codec/entropy.h"

#include <array>
#include <cmath>

namespace lorae::codec {
namespace {

/// Of `count` numbers, of which `byte(i)` is one.
template <typename Byte>
double entropy(std::size_t count, Byte byte) {
  std::array<double, 256> counts{};
  for (std::size_t i = 0; i < count; ++i) {
    counts[byte(i)] += 1;
  }
  double bits = 0;
  for (const double one : counts) {
    bits -= one > 0 ? one * std::log2(one / static_cast<double>(count)) : 0;
  }
  return bits;
}

}  // namespace

void EntropyMeter::add(ByteView bytes, std::span<const Segment> segments) {
  if (bytes.empty()) {
    return;  // all zero
  }
  for (const Segment& segment : segments) {
    const ByteView own = bytes.first(segment.bytes());
    bytes = bytes.subspan(own.size());
    const auto whole = [&](std::size_t i) { return std::to_integer<std::size_t>(own[i]); };
    switch (segment.kind) {
      case Segment::Kind::kBytes:
        bits_ += 8.0 * static_cast<double>(own.size());
        break;
      case Segment::Kind::kSteps:
        bits_ += entropy(own.size(), whole);
        break;
      case Segment::Kind::kNibbles:
        bits_ += entropy(segment.count, [&](std::size_t i) {
          return i % 2 == 0 ? whole(i / 2) & 15U : whole(i / 2) >> 4U;
        });
        break;
    }
  }
}

}  // namespace lorae::codec
