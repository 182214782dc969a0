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

  EXPECT_EQ(*download.take_finished(), kObject);
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
  EXPECT_EQ(*download.take_finished(), kObject);
}

TEST(Download, IgnoresChunksAfterTheLast) {
  Download download = three_chunks();
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "4567"));
  download.on_chunk(chunk(8, "89"));

  download.on_chunk(chunk(10, "more"));

  EXPECT_EQ(*download.take_finished(), kObject);
}

TEST(Download, SharesABufferWithOthersThatFetchTheSame) {
  const auto buffer = std::make_shared<ObjectBuffer>(kObject.size());
  Download one{digest_of(kObject), kObject.size(), 4, 2, buffer};
  Download other{digest_of(kObject), kObject.size(), 5, 2, buffer};
  one.on_chunk(chunk(0, "0123"));
  other.on_chunk(chunk(0, "01234"));
  other.on_chunk(chunk(5, "56789"));
  one.on_chunk(chunk(4, "4567"));
  one.on_chunk(chunk(8, "89"));

  const auto first = one.take_finished(), second = other.take_finished();

  ASSERT_NE(first, nullptr);
  EXPECT_EQ(*first, kObject);
  EXPECT_EQ(first.get(), second.get()) << "one copy";
}

TEST(Download, LeavesABufferThatAnotherHasDamaged) {
  const auto buffer = std::make_shared<ObjectBuffer>(kObject.size());
  ASSERT_TRUE(buffer->put(0, bytes_from("01x3")));
  Download download{digest_of(kObject), kObject.size(), 4, 3, buffer};
  offsets(download);
  download.on_chunk(chunk(0, "0123"));
  EXPECT_EQ(offsets(download), (Offsets{0, 4, 8})) << "again, into a buffer of its own";
  download.on_chunk(chunk(0, "0123"));
  download.on_chunk(chunk(4, "4567"));
  download.on_chunk(chunk(8, "89"));

  EXPECT_EQ(*download.take_finished(), kObject);
  EXPECT_EQ(buffer->bytes(), bytes_from("01x3"));
}

TEST(ObjectBuffer, TakesWhatFollowsAndWhatIsThere) {
  ObjectBuffer buffer(6);
  EXPECT_FALSE(buffer.put(1, bytes_from("bc"))) << "a gap";
  EXPECT_TRUE(buffer.put(0, bytes_from("abc")));
  EXPECT_TRUE(buffer.put(1, bytes_from("bcde"))) << "some of it is new";
  EXPECT_FALSE(buffer.put(2, bytes_from("x")));
  EXPECT_FALSE(buffer.put(5, bytes_from("fg"))) << "longer than the object";
  EXPECT_TRUE(buffer.put(5, bytes_from("f")));
  EXPECT_TRUE(buffer.put(6, {}));
  EXPECT_EQ(buffer.bytes(), bytes_from("abcdef"));
}

}  // namespace
}  // namespace lorae::client
