#include "codec/coders/zstd.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>

#include "base/seed.h"
#include "tests/base/support.h"

namespace lorae::codec {
namespace {

Bytes random_bytes(std::size_t size, std::uint64_t distinct) {
  Random random(5);
  Bytes bytes(size);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random.below(distinct));
  }
  return bytes;
}

/// What follows "[zstd] frame of N bytes: ".
std::string refusal(ByteView bytes, std::size_t size) {
  const auto decoded = zstd_decode(bytes, size);
  if (decoded) {
    return "accepted";
  }
  const std::string text = decoded.error().what();
  EXPECT_TRUE(text.starts_with("[zstd] frame of ")) << text;
  return text.substr(text.find(": ") + 2);
}

/// A frame of `blocks` blocks of 128 KiB of zeros each, after RFC 8878: 4 bytes stand for each.
Bytes zeros_frame(std::size_t blocks) {
  Bytes frame = from_hex("28b52ffd 00 38");  // magic; no content size; a window of 128 KiB
  for (std::size_t i = 1; i <= blocks; ++i) {
    // Header: last block?, kind 1 (one byte, repeated), size 131072; then the byte.
    append(frame, from_hex(i == blocks ? "030010 00" : "020010 00"));
  }
  return frame;
}

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(Zstd, GivesBackWhatWentIn) {
  for (const std::size_t size : {0U, 1U, 100U, 300000U}) {
    for (const std::uint64_t distinct : {1U, 4U, 256U}) {
      for (const int level : {1, 3, 9}) {
        const Bytes bytes = random_bytes(size, distinct);
        EXPECT_EQ(zstd_decode(zstd_encode(bytes, level), size).value(), bytes);
      }
    }
  }
}

TEST(Zstd, ReadsItsOwnFramesOfLargeContent) {
  Bytes bytes(9U << 20U);  // more than the largest window that is read
  const Bytes noise = random_bytes(100000, 256);
  std::copy(noise.begin(), noise.end(), bytes.begin());
  std::copy(noise.begin(), noise.end(), bytes.end() - 100000);

  EXPECT_EQ(zstd_decode(zstd_encode(bytes, 9), bytes.size()).value(), bytes);
}

TEST(Zstd, RefusesEveryTruncation) {
  const Bytes frame = zstd_encode(random_bytes(1000, 4), 3);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_NE(refusal(first(frame, size), 1000), "accepted") << size;
  }
  EXPECT_EQ(refusal(first(frame, frame.size() - 1), 1000), "cut short");
  EXPECT_EQ(refusal({}, 1000), "cut short");
}

TEST(Zstd, SurvivesEveryFlippedBit) {
  const Bytes frame = zstd_encode(random_bytes(1000, 4), 3);
  for (std::size_t byte = 0; byte < frame.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto decoded = zstd_decode(flipped(frame, byte, bit), 1000);
      EXPECT_TRUE(!decoded || decoded->size() == 1000);
    }
  }
}

TEST(Zstd, RefusesBytesAfterTheFrame) {
  Bytes frame = zstd_encode(random_bytes(10, 256), 3);
  frame.push_back(std::byte{0});

  EXPECT_EQ(refusal(frame, 10), "bytes after the frame");
}

TEST(Zstd, RefusesMoreThanOneFrame) {
  Bytes frames = zstd_encode(random_bytes(10, 256), 3);
  append(frames, zstd_encode({}, 3));

  EXPECT_EQ(refusal(frames, 10), "bytes after the frame");
}

TEST(Zstd, RefusesMoreAndLessThanExpected) {
  const Bytes frame = zstd_encode(Bytes(100), 3);

  EXPECT_EQ(refusal(frame, 101), "expected 101 bytes of content, got 100");
  EXPECT_EQ(refusal(frame, 99), "holds more than expected");
  EXPECT_EQ(refusal(frame, 0), "holds more than expected");
}

TEST(Zstd, RefusesWhatIsNoFrame) {
  EXPECT_NE(refusal(Bytes(100), 10), "accepted");
  EXPECT_NE(refusal(random_bytes(100, 256), 10), "accepted");
}

TEST(Zstd, ReadsAFrameWrittenByHand) {
  EXPECT_EQ(zstd_decode(zeros_frame(2), 2 * 131072).value(), Bytes(2 * 131072));
}

TEST(Zstd, RefusesABombWithinSmallMemory) {
  constexpr std::size_t kBlocks = 32768;
  const Bytes bomb = zeros_frame(kBlocks);  // 128 KiB that stand for 4 GiB
  const long before = peak_kilobytes();
  const std::clock_t start = std::clock();

  const std::string why = refusal(bomb, 1000);

  EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC / 20) << "50 ms";

  EXPECT_EQ(why, "holds more than expected");
  EXPECT_LT(peak_kilobytes() - before, 32 * 1024);
}

TEST(Zstd, RefusesFramesThatClaimHugeSizes) {
  const long before = peak_kilobytes();

  // A content size of 2^62 bytes in one segment; then a window of 3.75 TiB, the largest there is.
  const std::string content = refusal(from_hex("28b52ffd e0 0000000000000040 010000"), 1000);
  const std::string window = refusal(from_hex("28b52ffd 00 ff 010000"), 1000);

  EXPECT_EQ(content, "Frame requires too much memory for decoding");
  EXPECT_EQ(window, "Frame requires too much memory for decoding");
  EXPECT_LT(peak_kilobytes() - before, 32 * 1024);
}

TEST(Zstd, NeverTrustsTheSizeThatAFrameClaims) {
  // A content size of 100 bytes, but no content.
  EXPECT_NE(refusal(from_hex("28b52ffd 20 64 010000"), 100), "accepted");
}

}  // namespace
}  // namespace lorae::codec
