#include "codec/coders/rans.h"

#include <algorithm>
#include <array>

namespace lorae::codec {
namespace {

/// 2^44 / divisor, rounded up: exact to divide 32 bits by, and four times as fast as a division.
constexpr auto kInverses = [] {
  std::array<std::uint64_t, Frequencies::kAll + 1> inverses{};
  for (std::uint64_t i = 1; i < inverses.size(); ++i) {
    inverses[i] = ((std::uint64_t{1} << 44U) + i - 1) / i;
  }
  return inverses;
}();

std::uint32_t divided(std::uint32_t number, std::uint32_t divisor) {
  const std::uint64_t inverse = kInverses[divisor];
  const std::uint64_t low = number * (inverse & 0xfffU) >> 12U;
  return static_cast<std::uint32_t>((number * (inverse >> 12U) + low) >> 32U);
}

}  // namespace

RansWriter::Written RansWriter::finish() const {
  Written written;
  written.words.resize(size_);  // a share needs one at most
  written.parts.resize(ends_.size());
  std::uint16_t* words = written.words.data();
  std::uint32_t state = kLeastState;
  std::size_t next = size_, count = 0;
  for (std::size_t part = ends_.size(); part-- > 0;) {
    const std::size_t before = count;
    const std::size_t begin = part == 0 ? 0 : ends_[part - 1];
    while (next > begin) {
      const auto [start, size] = shares_[--next];
      words[count] = static_cast<std::uint16_t>(state);
      const bool full = state >> (2 * kWordBits - Frequencies::kBits) >= size;
      count += full ? 1 : 0;
      state = full ? state >> kWordBits : state;
      state += divided(state, size) * (Frequencies::kAll - size) + start;
    }
    written.parts[part] = count - before;
  }
  written.words.resize(count);
  std::ranges::reverse(written.words);
  written.state = state;
  return written;
}

}  // namespace lorae::codec
