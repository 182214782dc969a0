#include "codec/quantisers/float16.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace lorae::codec {
namespace {

// Patterns of float32.
constexpr std::uint32_t kMagnitude = 0x7fffffff;
constexpr std::uint32_t kSmallestNormalHalf = 0x38800000;  // 2^-14
constexpr std::int32_t kTooLarge = 0x477ff000;             // 65520 is nearer to 65536 than to 65504
constexpr std::uint32_t kExponentsApart = 112U << 23U;     // biases 127 and 15

constexpr std::size_t kChunk = 512;  // bytes of a payload are not aligned: halves are copied

constexpr float kHalf = 0.5F;                 // its last bit is worth 2^-24
constexpr float kQuantum = 1.0F / (1 << 24);  // between halves below 2^-14

std::uint32_t magnitude_of(float value) {
  return std::bit_cast<std::uint32_t>(value) & kMagnitude;
}

/// Both roundings for every value, so that the loop vectorises.
std::uint16_t half_of(float value) {
  const std::uint32_t magnitude = magnitude_of(value);
  const std::uint32_t sign = (std::bit_cast<std::uint32_t>(value) ^ magnitude) >> 16U;
  const std::uint32_t even = (magnitude >> 13U) & 1U;
  const std::uint32_t normal = (magnitude - kExponentsApart + 0xfffU + even) >> 13U;
  // A sum with 0.5 rounds to multiples of 2^-24, as float32 rounds: ties to even.
  const std::uint32_t small =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + kHalf) -
      std::bit_cast<std::uint32_t>(kHalf);
  return static_cast<std::uint16_t>(sign | (magnitude < kSmallestNormalHalf ? small : normal));
}

float float_of(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t normal = (magnitude << 13U) + kExponentsApart;
  const std::uint32_t small = std::bit_cast<std::uint32_t>(
      static_cast<float>(static_cast<std::int32_t>(magnitude)) * kQuantum);
  const std::uint32_t finite = magnitude < 0x400U ? small : normal;
  const std::uint32_t bits = magnitude < 0x7c00U ? finite : normal + kExponentsApart;
  return std::bit_cast<float>(sign | bits);
}

/// Returns the pattern of the largest magnitude.
std::int32_t encode_chunk(const float* values, std::size_t size, std::uint16_t* halves) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    largest = std::max(largest, static_cast<std::int32_t>(magnitude_of(values[i])));
    halves[i] = half_of(values[i]);
  }
  return largest;
}

void decode_chunk(const std::uint16_t* halves, std::size_t size, float* values) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = float_of(halves[i]);
  }
}

}  // namespace

void Float16::segments(const BlockShape& block, std::vector<Segment>& to) const {
  to.push_back({Segment::Kind::kBytes, block.numel(), sizeof(std::uint16_t)});
}

void Float16::encode(const BlockView& block, Bytes& to) const {
  const std::size_t start = to.size();
  to.resize(start + block.values.size() * sizeof(std::uint16_t));
  std::array<std::uint16_t, kChunk> halves;
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < block.values.size(); i += kChunk) {
    const std::size_t size = std::min(kChunk, block.values.size() - i);
    largest = std::max(largest, encode_chunk(block.values.data() + i, size, halves.data()));
    std::memcpy(to.data() + start + i * sizeof halves[0], halves.data(), size * sizeof halves[0]);
  }
  if (largest >= kTooLarge) {
    const auto bad = std::ranges::find_if(block.values, [](float x) {
      return static_cast<std::int32_t>(magnitude_of(x)) >= kTooLarge;
    });
    fail(ErrorCode::kInvalidArgument, "[float16] '", block.shape.name, "': an element is ", *bad,
         ", beyond the largest half, 65504; send deltas, or take int8 or float32");
  }
}

Result<bool> Float16::decode(ByteView bytes, Block& block) const {
  const std::size_t expected = block.values.size() * sizeof(std::uint16_t);
  if (bytes.size() != expected) {
    return Error(ErrorCode::kCorruptData, str("[float16] '", block.name, "': expected ", expected,
                                              " bytes, got ", bytes.size()));
  }
  std::array<std::uint16_t, kChunk> halves;
  for (std::size_t i = 0; i < block.values.size(); i += kChunk) {
    const std::size_t size = std::min(kChunk, block.values.size() - i);
    std::memcpy(halves.data(), bytes.data() + i * sizeof halves[0], size * sizeof halves[0]);
    decode_chunk(halves.data(), size, block.values.data() + i);
  }
  return true;
}

}  // namespace lorae::codec
