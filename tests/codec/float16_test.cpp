#include "codec/quantisers/float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

Bytes encoded(const Block& block) {
  Bytes bytes;
  Float16{}.encode({block, block.values}, bytes);
  return bytes;
}

std::string hex_of(float value) {
  return to_hex(encoded(block_of("w", {value})));
}

float decoded(ByteView bytes) {
  Block block = block_of("w", {-7.0F});
  Float16{}.decode(bytes, block).value();
  return block.values[0];
}

/// What a pattern means, by IEEE 754: sign, exponent, fraction.
double meaning_of(unsigned half) {
  const int exponent = static_cast<int>(half >> 10U & 31U);
  const double fraction = (half & 1023U) / 1024.0;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1.0 + fraction, exponent - 15);
  return (half & 0x8000U) != 0 ? -magnitude : magnitude;
}

Bytes bytes_of_half(unsigned half) {
  return {static_cast<std::byte>(half & 255U), static_cast<std::byte>(half >> 8U)};
}

TEST(Float16, WritesHalvesLittleEndian) {
  EXPECT_EQ(hex_of(1.0F), "003c");
  EXPECT_EQ(hex_of(-2.0F), "00c0");
  EXPECT_EQ(hex_of(65504.0F), "ff7b");
  EXPECT_EQ(hex_of(1.0F / 3.0F), "5535");
  EXPECT_EQ(hex_of(std::ldexp(1.0F, -14)), "0004");
  EXPECT_EQ(hex_of(std::ldexp(1.0F, -24)), "0100");
  EXPECT_EQ(hex_of(0.0F), "0000");
  EXPECT_EQ(hex_of(-0.0F), "0080");
}

TEST(Float16, ReadsEveryFiniteHalfExactlyAndWritesItBack) {
  for (unsigned half = 0; half < 0x10000; ++half) {
    if ((half & 0x7c00U) != 0x7c00U) {
      const float value = decoded(bytes_of_half(half));
      ASSERT_EQ(static_cast<double>(value), meaning_of(half)) << half;
      ASSERT_EQ(encoded(block_of("w", {value})), bytes_of_half(half)) << half;
    }
  }
}

TEST(Float16, RoundsToTheNearestHalfAndTiesToTheEvenOne) {
  for (unsigned half = 0; half < 0x7bff; ++half) {
    const auto low = static_cast<float>(meaning_of(half));
    const auto high = static_cast<float>(meaning_of(half + 1));
    const float middle = low + (high - low) / 2;  // exact: a float32 has 13 bits more
    const unsigned even = half % 2 == 0 ? half : half + 1;
    ASSERT_EQ(encoded(block_of("w", {middle})), bytes_of_half(even)) << half;
    ASSERT_EQ(encoded(block_of("w", {std::nextafter(middle, 0.0F)})), bytes_of_half(half)) << half;
    ASSERT_EQ(encoded(block_of("w", {std::nextafter(middle, high)})), bytes_of_half(half + 1))
        << half;
  }
}

TEST(Float16, RefusesToEncodeWhatIsBeyondItsRange) {
  EXPECT_EQ(hex_of(std::nextafter(65520.0F, 0.0F)), "ff7b") << "rounds to 65504";
  for (const float value : {65520.0F, -65520.0F, 1e30F, std::numeric_limits<float>::infinity()}) {
    const auto [code, text] = error_of([&] { encoded(block_of("fc.weight", {1.0F, value})); });
    EXPECT_EQ(code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(text, str("[float16] 'fc.weight': an element is ", value,
                        ", beyond the largest half, 65504; send deltas, or take int8 or float32"));
  }
}

TEST(Float16, ReadsInfinitiesAndNanAsThemselves) {
  EXPECT_EQ(decoded(bytes_of_half(0x7c00)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(decoded(bytes_of_half(0xfc00)), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(decoded(bytes_of_half(0x7e00))));
}

TEST(Float16, RefusesEveryOtherLength) {
  Block block = block_of("w", {1.0F, 2.0F});
  for (std::size_t size = 0; size < 8; ++size) {
    EXPECT_EQ(Float16{}.decode(Bytes(size), block).ok(), size == 4) << size;
  }
}

TEST(Float16, KeepsEmptyBlocks) {
  Block block{"none", {0, 3}, 0, {}};

  EXPECT_TRUE(encoded(block).empty());
  EXPECT_TRUE(Float16{}.decode({}, block));
}

}  // namespace
}  // namespace lorae::codec
