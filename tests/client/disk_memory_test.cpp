#include "client/disk_memory.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "tests/base/support.h"

namespace lorae::client {
namespace {

const Bytes kBackbone = bytes_from("a backbone");

class DiskMemoryTest : public testing::Test {
 protected:
  DiskMemory open() const { return {folder_ / "backbones", folder_ / "own"}; }

  static UpdateKey key(std::uint64_t round, const std::string& run = "run") {
    return {run, RoundId{round}, digest_of(view_of("model"))};
  }

  void keep_backbone() {
    open().keep_backbone(digest_of(kBackbone), std::make_shared<const Bytes>(kBackbone));
  }

  TemporaryFolder folder_;
  std::filesystem::path update_file_ = folder_ / "own" / "update";
  TrainedUpdate update_{bytes_from("payload"), 40, {{"loss/train", 0.5}, {"loss/box", -1}}};
};

TEST_F(DiskMemoryTest, RemembersBackbonesAcrossRestarts) {
  EXPECT_FALSE(open().has_backbone(digest_of(kBackbone), kBackbone.size()));
  keep_backbone();

  EXPECT_TRUE(open().has_backbone(digest_of(kBackbone), kBackbone.size()));
  EXPECT_EQ(*open().backbone(digest_of(kBackbone)), kBackbone);
  EXPECT_EQ(open().backbone(digest_of(view_of("another"))), nullptr);
}

TEST_F(DiskMemoryTest, SharesBackbonesBetweenClients) {
  keep_backbone();
  DiskMemory other(folder_ / "backbones", folder_ / "other");

  EXPECT_EQ(*other.backbone(digest_of(kBackbone)), kBackbone);
}

TEST_F(DiskMemoryTest, ForgetsADamagedBackbone) {
  const Digest digest = digest_of(kBackbone);
  keep_backbone();
  write_file_atomic(folder_ / "backbones" / (digest.hex() + ".safetensors"), "a bagbone");
  EXPECT_EQ(open().backbone(digest), nullptr);
  EXPECT_FALSE(open().has_backbone(digest, kBackbone.size()));  // gone, so it is fetched again
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "backbones"));
}

TEST_F(DiskMemoryTest, RemembersAnUpdateAcrossRestarts) {
  open().keep_update(key(1), &update_);

  EXPECT_EQ(open().update(key(1)), update_);
}

TEST_F(DiskMemoryTest, KnowsAnUpdateOnlyByItsWholeKey) {
  open().keep_update(key(1), &update_);
  UpdateKey other_model = key(1);
  other_model.model = digest_of(view_of("another"));

  EXPECT_FALSE(open().update(key(2)));
  EXPECT_FALSE(open().update(key(1, "another run")));
  EXPECT_FALSE(open().update(other_model));
}

TEST_F(DiskMemoryTest, RemembersOneUpdateAtATime) {
  open().keep_update(key(1), &update_);
  open().keep_update(key(2), &update_);

  EXPECT_FALSE(open().update(key(1)));
  EXPECT_EQ(open().update(key(2)), update_);
}

TEST_F(DiskMemoryTest, ForgetsTheUpdateWhenTold) {
  open().keep_update(key(1), &update_);

  open().keep_update({}, nullptr);
  open().keep_update({}, nullptr);

  EXPECT_FALSE(open().update(key(1)));
  EXPECT_FALSE(std::filesystem::exists(update_file_));
}

TEST_F(DiskMemoryTest, ForgetsAnUpdateAtEveryTruncation) {
  open().keep_update(key(1), &update_);
  const Bytes whole = read_file(update_file_);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file_atomic(update_file_, first(whole, size));
    EXPECT_FALSE(open().update(key(1))) << size;
  }
}

TEST_F(DiskMemoryTest, ForgetsAnUpdateWithAnyBitFlipped) {
  open().keep_update(key(1), &update_);
  const Bytes whole = read_file(update_file_);
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    write_file_atomic(update_file_, flipped(whole, byte, static_cast<unsigned>(byte % 8)));
    EXPECT_FALSE(open().update(key(1))) << byte;
  }
}

TEST_F(DiskMemoryTest, RemembersAnUpdateWithoutMetricsAndWithoutBytes) {
  const TrainedUpdate update{{}, 1, {}};
  open().keep_update(key(1), &update);

  EXPECT_EQ(open().update(key(1)), update);
}

/// Files of this format begin with its number, a digest of what follows, and the key.
constexpr std::size_t kDigestAt = 8;
constexpr std::size_t kDigested = 40;
constexpr std::size_t kMetricsBytesAt = 80;

TEST_F(DiskMemoryTest, ForgetsAnUpdateOfAnotherFormat) {
  open().keep_update(key(1), &update_);
  const Bytes whole = read_file(update_file_);
  const Bytes format_1(whole.begin() + kDigestAt, whole.end());  // it began with the digest
  Bytes format_3 = whole;
  format_3[0] = std::byte{3};

  for (const Bytes& other : {format_1, format_3}) {
    write_file_atomic(update_file_, other);
    EXPECT_FALSE(open().update(key(1)));
  }
  open().keep_update(key(1), &update_);
  EXPECT_EQ(open().update(key(1)), update_);
}

TEST_F(DiskMemoryTest, ForgetsAnUpdateWithAbsurdLengthsAndTheRightDigest) {
  open().keep_update(key(1), &update_);
  const Bytes whole = read_file(update_file_);
  const std::size_t name_bytes_at = kMetricsBytesAt + 8 + 8;
  for (const std::size_t at : {kMetricsBytesAt, name_bytes_at}) {
    for (const unsigned length : {1U, 0x7fU, 0xffU}) {
      Bytes absurd = whole;
      std::fill_n(absurd.begin() + static_cast<std::ptrdiff_t>(at), length == 1 ? 1 : 8,
                  static_cast<std::byte>(length));
      const Digest digest = digest_of(ByteView(absurd).subspan(kDigested));
      std::ranges::copy(digest.bytes, absurd.begin() + kDigestAt);
      write_file_atomic(update_file_, absurd);
      EXPECT_FALSE(open().update(key(1))) << at << ' ' << length;
    }
  }
}

TEST_F(DiskMemoryTest, NamesTheFolderThatItCannotUse) {
  write_file_atomic(folder_ / "file", "in the way");

  EXPECT_TRUE(config_error([&] {
                DiskMemory(folder_ / "file", folder_ / "own");
              }).starts_with("[file] cannot write into folder '"));
}

}  // namespace
}  // namespace lorae::client
