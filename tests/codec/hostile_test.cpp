#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/pipeline.h"
#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

std::string refusal(const char* chain, ByteView payload, const Blocks& like) {
  const auto decoded = Pipeline::parse(chain).decode_delta(payload, like);
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
  for (const std::string& chain : all_chains()) {
    const Pipeline pipeline = Pipeline::parse(chain);
    const Bytes payload = pipeline.encode(state, random_state(2));
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const auto decoded = pipeline.decode_delta(first(payload, size), state);
      ASSERT_FALSE(decoded) << chain << " at " << size;
      EXPECT_EQ(decoded.error().code(), ErrorCode::kCorruptData);
    }
  }
}

TEST(Payload, DecodesToFiniteValuesOrNotAtAllWhateverBitIsFlipped) {
  const Blocks state = random_state(1);
  for (const std::string& chain : all_chains()) {
    const Pipeline pipeline = Pipeline::parse(chain);
    const Bytes payload = pipeline.encode(state, random_state(2));
    for (std::size_t byte = 0; byte < payload.size(); ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        const auto decoded = pipeline.decode_delta(flipped(payload, byte, bit), state);
        ASSERT_TRUE(!decoded || all_finite(*decoded)) << chain;
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
    for (const std::string& chain : all_chains()) {
      EXPECT_FALSE(Pipeline::parse(chain).decode_delta(payload, state));
    }
  }
}

TEST(Payload, SaysWhereItIsCutShort) {
  const Blocks like = {block_of("a", {0.0F}), block_of("b", {0.0F})};

  EXPECT_EQ(refusal("float32", {}, like), "[codec] payload: cut short before 'a'");
  EXPECT_EQ(refusal("float32", payload_of(1.0F), like), "[codec] payload: cut short before 'b'");
}

TEST(Payload, IsRefusedWithAnotherLengthThanTheBlocks) {
  const Blocks like = {block_of("a", {0.0F})};

  EXPECT_EQ(refusal("float32", from_hex("03000000 000000"), like),
            "[codec] payload: 'a': expected 4 bytes, got 3");
  EXPECT_EQ(refusal("int8", from_hex("04000000 00000000"), like),
            "[codec] payload: 'a': expected 5 bytes, got 4");
  EXPECT_EQ(refusal("float32", from_hex("ffffffff 00000000"), like),
            "[codec] payload: cut short before 'a'");
}

TEST(Payload, IsRefusedWithBytesAfterTheLastBlock) {
  Bytes payload = payload_of(1.0F);
  payload.push_back(std::byte{0});

  EXPECT_EQ(refusal("float32", payload, {block_of("a", {0.0F})}),
            "[codec] payload: bytes after the last block");
}

TEST(Payload, IsRefusedWithValuesThatAreNotFinite) {
  const Blocks like = {block_of("a", {0.0F})};
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_EQ(refusal("float32", payload_of(value), like),
              "[codec] payload: a value is not finite");
    EXPECT_EQ(refusal("delta", payload_of(value), like), "[codec] payload: a value is not finite");
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
            "[zstd] frame of 10 bytes: holds more than expected");
}

TEST(Payload, OfAStateIsCheckedInTheSameWay) {
  const Blocks state = random_state(1);
  const Pipeline pipeline = Pipeline::parse("int8:row,zstd");
  const Bytes payload = pipeline.encode_state(state);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    ASSERT_FALSE(pipeline.decode_state(first(payload, size), state)) << size;
  }
}

}  // namespace
}  // namespace lorae::codec
