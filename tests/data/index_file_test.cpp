#include "data/formats/index_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/atomic_file.h"
#include "data/formats/yolo.h"
#include "tests/data/labels.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

class Index : public ::testing::Test {
 protected:
  Index() {
    write(set() / "data.yaml", "train: images\nnames: [a, b]\n");
    for (const char* name : {"1", "2"}) {
      write_png(set() / "images" / str(name, ".png"), 32, 16);
      write(set() / "labels" / str(name, ".txt"),
            "1 0.5 0.5 0.5 0.5\n0 0.25 0.5 0.75 0.5 0.5 0.125\n");
    }
    write(set() / "labels/1.txt", "1 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n");
  }

  fs::path set() const { return folder_ / "set"; }
  fs::path cache() const { return folder_ / "cache"; }

  /// The set by way of the index; how often it was read is counted.
  Known known() {
    return indexed(
        cache(), set().string(),
        [&] {
          ++read_;
          return find_yolo(set(), Split::kTrain, {});
        },
        1);
  }

  const TemporaryFolder folder_;
  int read_ = 0;
};

TEST_F(Index, IsReadInPlaceOfTheSet) {
  const Known first = known(), second = known();
  EXPECT_EQ(read_, 1);
  EXPECT_EQ(first.classes, second.classes);
  EXPECT_EQ(first.annotation, second.annotation);
  EXPECT_EQ(kinds_of(first.problems), "row-twice:2 rows-mixed:0");
  EXPECT_EQ(first.problems, second.problems);
  ASSERT_EQ(second.catalogue.size(), 2);
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(first.catalogue.objects(i), second.catalogue.objects(i));
    EXPECT_EQ(first.catalogue.picture(i), second.catalogue.picture(i));
    EXPECT_EQ(second.catalogue.picture_size(i), (PictureSize{.height = 16, .width = 32}));
    EXPECT_EQ(first.catalogue.label(i), second.catalogue.label(i));
  }
}

TEST_F(Index, IsMadeAgainWhenAFileChangesComesOrGoes) {
  known();
  write(set() / "labels/2.txt", "0 0.5 0.5 0.5 0.5\n");
  EXPECT_EQ(known().catalogue.objects(1).size(), 1U);
  EXPECT_EQ(read_, 2);
  write_png(set() / "images/3.png", 32, 16);
  EXPECT_EQ(known().catalogue.size(), 3);
  write(set() / "labels/3.txt", "0 0.5 0.5 0.5 0.5\n");
  EXPECT_EQ(known().catalogue.objects(2).size(), 1U);
  fs::remove(set() / "labels/3.txt");
  EXPECT_EQ(known().catalogue.objects(2).size(), 0U);
  write(set() / "data.yaml", "train: images\nnames: [c, d]\n");
  EXPECT_EQ(known().classes[0], "c");
  EXPECT_EQ(read_, 6);
  known();
  EXPECT_EQ(read_, 6);
}

TEST_F(Index, ThatIsDamagedIsMadeAgain) {
  known();
  const fs::path file = fs::directory_iterator(cache())->path();
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    write(file, bytes.substr(0, size));
    const int before = read_;
    EXPECT_EQ(known().catalogue.size(), 2);
    EXPECT_EQ(read_, before + 1) << size;
  }
  for (std::size_t at = 0; at < bytes.size(); at += 11) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    write(file, flipped);
    const int before = read_;
    known();
    EXPECT_EQ(read_, before + 1) << at;
  }
}

TEST_F(Index, ThatCannotBeWrittenCostsTimeAlone) {
  write(cache(), "a file, no folder");
  EXPECT_EQ(known().catalogue.size(), 2);
  EXPECT_EQ(known().catalogue.size(), 2);
  EXPECT_EQ(read_, 2);
}

TEST_F(Index, HoldsMoreThanAThousandPictures) {
  constexpr int kPictures = 1100;  // an index has pieces of 1024
  for (int i = 0; i < kPictures; ++i) {
    const std::string name = str("more/", 1000 + i);
    fs::create_directories(set() / "images/more");
    fs::create_hard_link(set() / "images/1.png", set() / "images" / (name + ".png"));
    write(set() / "labels" / (name + ".txt"), str(i % 2, " 0.5 0.5 0.5 ", 0.001 * (1 + i % 9), "\n",
                                                  "0 0.25 0.5 0.75 0.5 0.5 0.125\n"));
  }
  const Known read = read_half(find_yolo(set(), Split::kTrain, {}));
  for (const bool again : {false, true}) {
    const Known kept = known();
    EXPECT_EQ(read_, 1) << again;
    EXPECT_EQ(kept.annotation, read.annotation);
    EXPECT_EQ(kept.problems, read.problems);
    ASSERT_EQ(kept.catalogue.size(), kPictures + 2);
    for (std::int64_t i = 0; i < kept.catalogue.size(); ++i) {
      EXPECT_EQ(kept.catalogue.picture(i), read.catalogue.picture(i));
      EXPECT_EQ(kept.catalogue.mask(i), "");
      EXPECT_EQ(kept.catalogue.domain(i), i < 2 ? "" : "more");
      EXPECT_EQ(kept.catalogue.objects(i), read.catalogue.objects(i));
      EXPECT_EQ(kept.catalogue.label(i), read.catalogue.label(i));
    }
  }
}

TEST_F(Index, MayHaveAPieceOfWhichNothingIsLeft) {
  for (int i = 0; i < Catalogue::kPiece; ++i) {
    write(set() / "images" / str("0", 1000 + i, ".png"), "");
  }
  for (int again = 0; again < 2; ++again) {
    const Known kept = known();
    EXPECT_EQ(read_, 1);
    EXPECT_EQ(kept.left_out, Catalogue::kPiece);
    ASSERT_EQ(kept.catalogue.size(), 2);
    EXPECT_EQ(kept.catalogue.picture(0), set() / "images/1.png");
    EXPECT_THROW(kept.catalogue.picture(2), std::out_of_range);
    EXPECT_THROW(kept.catalogue.picture(-1), std::out_of_range);
  }
}

TEST_F(Index, OfASetThatChangesWhileItIsReadIsReadAgain) {
  int found = 0;
  const Known kept = indexed(
      cache(), set().string(),
      [&] {
        Half half = find_yolo(set(), Split::kTrain, {});
        if (++found == 1) {
          half.read = [&, read = half.read](const Item& item, const PictureHead& head,
                                            Labelled& to) {
            read(item, head, to);
            if (item.picture.ends_with("1.png")) {
              write(set() / "labels/1.txt", "0 0.5 0.5 0.25 0.25\n");
            }
          };
        }
        return half;
      },
      1);
  EXPECT_EQ(found, 2);
  EXPECT_EQ(kept.catalogue.label(0), 0);
}

TEST_F(Index, LeavesNothingOfProcessesThatWereStopped) {
  known();
  const fs::path file = fs::directory_iterator(cache())->path();
  const fs::path dead = file.string() + ".tmp1", other = file.string() + ".tmp";
  const fs::path alive = file.string() + ".tmp2";
  for (const fs::path& left : {file, dead, other, alive}) {
    write(left, "half of an index");
  }
  const FileLock lock(alive, FileLock::Wait::kNo);  // as its writer has it
  known();
  EXPECT_EQ(read_, 2);
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(other) && fs::exists(alive));
}

TEST(Catalogue, HostileBytesAreNoCatalogue) {
  Labelled picture;
  picture.picture = "a/b.png";
  picture.objects = {{.label = 1, .box = {0, 0, 1, 1}, .polygons = {{{0, 0}, {1, 0}, {1, 1}}}}};
  Catalogue all;
  all.add(picture);
  std::string front, bytes;
  for (const ByteView piece : all.last_piece(front)) {
    bytes += text_of(piece);
  }
  const auto is_read = [](Catalogue& to, std::string_view from) {
    return to.add_piece(
        [from](std::span<std::byte> taken) mutable {
          const bool there = taken.size() <= from.size();
          if (there) {
            std::ranges::copy(view_of(from.substr(0, taken.size())), taken.begin());
            from.remove_prefix(taken.size());
          }
          return there;
        },
        from.size());
  };
  Catalogue again;
  ASSERT_TRUE(is_read(again, bytes));
  EXPECT_EQ(again.objects(0), all.objects(0));
  EXPECT_EQ(again.picture(0), "a/b.png");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Catalogue cut;
    EXPECT_FALSE(is_read(cut, bytes.substr(0, at)));
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x80);
    Catalogue read;
    if (is_read(read, flipped)) {
      for (std::int64_t i = 0; i < read.size(); ++i) {
        read.objects(i);
        read.picture(i);
        read.mask(i);
        read.domain(i);
      }
    }
  }
}

}  // namespace
}  // namespace lorae::data
