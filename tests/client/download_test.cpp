#include "client/download.h"

#include <gtest/gtest.h>

#include "tests/base/support.h"

namespace lorae::client {
namespace {

const Bytes kObject = bytes_from("0123456789");  // chunks: 0123 4567 89

Download three_chunks(std::uint64_t window = 2) {
  return {digest_of(kObject), kObject.size(), 4, window};
}

std::vector<std::uint64_t> offsets(Download& download) {
  std::vector<std::uint64_t> asked;
  for (const wire::Get& get : download.take_requests(SessionId{5})) {
    EXPECT_EQ(get.session, SessionId{5});
    EXPECT_EQ(get.object, digest_of(kObject));
    asked.push_back(get.offset);
  }
  return asked;
}

wire::Chunk chunk(std::uint64_t offset, const std::string& body) {
  return {.object = digest_of(kObject), .offset = offset, .total = 10, .body = bytes_from(body)};
}

using Offsets = std::vector<std::uint64_t>;

TEST(Download, AsksForNoMoreThanItsWindow) {
  Download one = three_chunks(1);
  Download two = three_chunks(2);
  Download many = three_chunks(100);

  EXPECT_EQ(offsets(one), Offsets{0});
  EXPECT_EQ(offsets(one), Offsets{});
  EXPECT_EQ(offsets(two), (Offsets{0, 4}));
  EXPECT_EQ(offsets(many), (Offsets{0, 4, 8}));
}

TEST(Download, IsFinishedWithItsLastChunk) {
  Download download = three_chunks();
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "4567"));
  EXPECT_FALSE(download.take_finished());

  download.on_chunk(chunk(8, "89"));

  EXPECT_EQ(download.take_finished(), kObject);
  EXPECT_EQ(download.object(), digest_of(kObject));
}

TEST(Download, TakesOnlyTheNextChunk) {
  Download download = three_chunks();

  download.on_chunk(chunk(4, "4567"));
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "456"));
  download.on_chunk(chunk(4, "45678"));
  download.on_chunk(chunk(4, ""));

  download.restart_requests();
  EXPECT_EQ(offsets(download), (Offsets{4, 8}));
}

TEST(Download, StartsFromNothingAfterAWrongDigest) {
  Download download = three_chunks(3);
  offsets(download);
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "4x67"));
  download.on_chunk(chunk(8, "89"));

  EXPECT_FALSE(download.take_finished());

  EXPECT_EQ(offsets(download), (Offsets{0, 4, 8}));
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "4567"));
  download.on_chunk(chunk(8, "89"));
  EXPECT_EQ(download.take_finished(), kObject);
}

TEST(Download, IgnoresChunksAfterTheLast) {
  Download download = three_chunks();
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "4567"));
  download.on_chunk(chunk(8, "89"));

  download.on_chunk(chunk(10, "more"));

  EXPECT_EQ(download.take_finished(), kObject);
}

}  // namespace
}  // namespace lorae::client
