#include "client/disk_memory.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "tests/base/support.h"

namespace lorae::client {
namespace {

const Bytes kBackbone = bytes_from("a backbone");

class DiskMemoryTest : public testing::Test {
 protected:
  DiskMemory open() const { return {folder_ / "backbones", folder_ / "own"}; }

  static UpdateKey key(RoundId round, const std::string& run = "run") {
    return {run, round, digest_of(view_of("model"))};
  }

  TemporaryFolder folder_;
  std::filesystem::path update_file_ = folder_ / "own" / "update";
  TrainedUpdate update_{bytes_from("payload"), 40, 0.5};
};

TEST_F(DiskMemoryTest, RemembersBackbonesAcrossRestarts) {
  open().keep_backbone(digest_of(kBackbone), kBackbone);

  EXPECT_EQ(open().backbone(digest_of(kBackbone)), kBackbone);
  EXPECT_FALSE(open().backbone(digest_of(view_of("another"))));
}

TEST_F(DiskMemoryTest, SharesBackbonesBetweenClients) {
  open().keep_backbone(digest_of(kBackbone), kBackbone);
  DiskMemory other(folder_ / "backbones", folder_ / "other");

  EXPECT_EQ(other.backbone(digest_of(kBackbone)), kBackbone);
}

TEST_F(DiskMemoryTest, ForgetsADamagedBackbone) {
  const Digest digest = digest_of(kBackbone);
  open().keep_backbone(digest, kBackbone);
  write_file_atomic(folder_ / "backbones" / (digest.hex() + ".safetensors"), "a bagbone");

  EXPECT_FALSE(open().backbone(digest));
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

TEST_F(DiskMemoryTest, NamesTheFolderThatItCannotUse) {
  write_file_atomic(folder_ / "file", "in the way");

  EXPECT_TRUE(config_error([&] {
                DiskMemory(folder_ / "file", folder_ / "own");
              }).starts_with("[file] cannot write into folder '"));
}

}  // namespace
}  // namespace lorae::client
