#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/chain.h"
#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

std::string refusal(const char* chain, ByteView payload, const Blocks& like) {
  const auto decoded = decode_delta(Chain::parse(chain), payload, like);
  if (decoded) {
    return "accepted";
  }
  EXPECT_EQ(decoded.error().code(), ErrorCode::kCorruptData);
  return decoded.error().what();
}

/// What a float32 chain makes of one value.
Bytes payload_of(float value) {
  Bytes payload = from_hex("04000000");
  append(payload, bytes_of(std::span<const float>(&value, 1)));
  return payload;
}

TEST(Payload, IsRefusedAtEveryTruncation) {
  const Blocks state = random_state(1);
  for (const std::string& text : all_chains()) {
    const Chain chain = Chain::parse(text);
    const Bytes payload = chain.encode(state, random_state(2)).payload;
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto decoded = decode_delta(chain, first(payload, size), state);
      ASSERT_FALSE(decoded) << text << " at " << size;
      EXPECT_EQ(decoded.error().code(), ErrorCode::kCorruptData);
    }
  }
}

TEST(Payload, DecodesToFiniteValuesOrNotAtAllWhateverBitIsFlipped) {
  const Blocks state = random_state(1);
  for (const std::string& text : all_chains()) {
    const Chain chain = Chain::parse(text);
    const Bytes payload = chain.encode(state, random_state(2)).payload;
    for (std::size_t byte = 0; byte < payload.size(); ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        const auto decoded = decode_delta(chain, flipped(payload, byte, bit), state);
        ASSERT_TRUE(!decoded || all_finite(*decoded)) << text;
      }
    }
  }
}

TEST(Payload, SurvivesRandomBytes) {
  const Blocks state = random_state(1);
  Random random(6);
  for (int trial = 0; trial < 2000; ++trial) {
    Bytes payload = from_hex("18000000");  // a right first length, so that stages are reached
    for (std::size_t i = 0; i < 200; ++i) {
      payload.push_back(static_cast<std::byte>(random.below(256)));
    }
    for (const std::string& text : all_chains()) {
      EXPECT_FALSE(decode_delta(Chain::parse(text), payload, state));
    }
  }
}

TEST(Payload, SaysWhereItIsCutShort) {
  const Blocks like = {block_of("a", {0.0F}), block_of("b", {0.0F})};

  EXPECT_EQ(refusal("float32", {}, like), "[codec] payload: 'a': cut short");
  EXPECT_EQ(refusal("float32", payload_of(1.0F), like), "[codec] payload: 'b': cut short");
}

TEST(Payload, IsRefusedWithAnotherLengthThanTheBlocks) {
  const Blocks like = {block_of("a", {0.0F})};

  EXPECT_EQ(refusal("float32", from_hex("03000000 000000"), like),
            "[codec] payload: 'a': expected 4 bytes, got 3");
  EXPECT_EQ(refusal("int8", from_hex("04000000 00000000"), like),
            "[codec] payload: 'a': expected 5 bytes, got 4");
  EXPECT_EQ(refusal("float32", from_hex("ffffffff 00000000"), like),
            "[codec] payload: 'a': cut short");
}

TEST(Payload, IsRefusedWithBytesAfterTheLastBlock) {
  Bytes payload = payload_of(1.0F);
  payload.push_back(std::byte{0});

  EXPECT_EQ(refusal("float32", payload, {block_of("a", {0.0F})}),
            "[codec] payload: bytes after the last layer");
}

TEST(Payload, IsRefusedWithValuesThatAreNotFinite) {
  const Blocks like = {block_of("a", {0.0F})};
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_EQ(refusal("float32", payload_of(value), like),
              "[codec] payload: a value is not finite");
    EXPECT_EQ(refusal("delta", payload_of(value), like), "[codec] payload: a value is not finite");
  }
}

TEST(Payload, IsRefusedWithHalvesThatAreNotFinite) {
  const Blocks like = {block_of("a", {0.0F})};
  for (const char* half : {"007c", "00fc", "017c", "ff7f"}) {  // infinities and NaN
    EXPECT_EQ(refusal("float16", from_hex(std::string("02000000") + half), like),
              "[codec] payload: a value is not finite");
  }
}

TEST(Payload, IsRefusedIfTheDeltaOverflows) {
  constexpr float kMost = std::numeric_limits<float>::max();

  EXPECT_EQ(refusal("float32", payload_of(kMost), {block_of("a", {-kMost})}),
            "[codec] payload: a value is not finite");
}

TEST(Payload, IsRefusedWithABombInABlock) {
  // One block of 128 KiB of zeros, where 4 bytes are expected (see zstd_test).
  const Bytes payload = from_hex("0a000000 28b52ffd 00 38 030010 00");

  EXPECT_EQ(refusal("zstd", payload, {block_of("a", {0.0F})}),
            "[codec] payload: 'a': [zstd] frame of 10 bytes: holds more than expected");
}

TEST(Payload, OfAStateIsCheckedInTheSameWay) {
  const Blocks state = random_state(1);
  const Chain chain = Chain::parse("int8:row,zstd");
  const Bytes payload = chain.encode_state(state).payload;
  for (std::size_t size = 0; size < payload.size(); ++size) {
    ASSERT_FALSE(chain.decode_state(first(payload, size), layout_of(state))) << size;
  }
}

}  // namespace
}  // namespace lorae::codec
