// What cannot be told from labels alone: pictures and files, and `lorae data check` over all.
#include <opencv2/imgproc.hpp>

#include "base/bytes.h"
#include "data/exif.h"
#include "data/formats/check.h"
#include "data/picture_head.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

/// A YOLO set of two sound pictures to train on and one to test on, each with a box.
class BadFiles : public ::testing::Test {
 protected:
  BadFiles() {
    write(folder_ / "data.yaml", "train: images/train\nval: images/val\nnames: [a, b]\n");
    add("train/a", 10);
    add("train/z", 30);
    add("val/b", 20);
  }

  void add(const std::string& name, int red) const {
    write_picture(folder_ / str("images/", name, ".png"), red, 0, 0, 16);
    write(folder_ / str("labels/", name, ".txt"), "0 0.5 0.5 0.5 0.5\n");
  }

  Checked checked() const { return check_set(folder_.path(), {}); }
  std::string kinds() const {
    std::string text;
    for (const Problem& problem : checked().problems) {
      text += str(text.empty() ? "" : " ", row_of(problem.flaw).name);
    }
    return text;
  }

  const TemporaryFolder folder_;
};

TEST_F(BadFiles, ASoundSetHasNoProblem) {
  const Checked all = checked();
  EXPECT_EQ(all.images, 3);
  EXPECT_EQ(all.objects, 3);
  EXPECT_TRUE(all.problems.empty());
}

TEST_F(BadFiles, PicturesThatCannotBeUsed) {
  const fs::path picture = folder_ / "images/train/a.png";
  const std::string whole = read(picture);
  write(picture, "");
  EXPECT_EQ(kinds(), "picture-empty");
  write(picture, "<html>not found</html>");
  EXPECT_EQ(kinds(), "picture-damaged");
  for (const std::size_t size : {std::size_t{3}, std::size_t{20}, whole.size() - 20}) {
    write(picture, whole.substr(0, size));
    EXPECT_EQ(kinds(), "picture-damaged") << size;
    EXPECT_EQ(checked().images, 3);
  }
  write_picture(picture, 1, 2, 3, 8);
  EXPECT_EQ(kinds(), "picture-tiny");
  fs::remove(picture);
  fs::create_symlink("/dev/null", picture);
  EXPECT_EQ(kinds(), "picture-ending label-without-picture");
  fs::remove(picture);
  write(picture, whole);
  fs::permissions(picture, fs::perms::none);
  if (::access(picture.c_str(), R_OK) != 0) {  // root may read all
    EXPECT_EQ(kinds(), "picture-unreadable");
  }
}

TEST_F(BadFiles, PicturesOfOtherKindsAreUsed) {
  cv::Mat deep(16, 16, CV_16UC3, cv::Scalar(1000, 2000, 60000));
  ASSERT_TRUE(cv::imwrite((folder_ / "images/train/a.png").string(), deep));
  EXPECT_EQ(kinds(), "picture-16-bit");
  fs::remove(folder_ / "images/train/a.png");
  // A CMYK JPEG's head: four components in the frame.
  std::string jpeg("\xFF\xD8\xFF\xC0\x00\x14\x08\x00\x10\x00\x10\x04", 12);
  jpeg += std::string("\x01\x11\x00\x02\x11\x00\x03\x11\x00\x04\x11\x00", 12);
  const auto head = picture_head_of(view_of(jpeg));
  ASSERT_TRUE(head.ok());
  EXPECT_TRUE(head->cmyk);
  write(folder_ / "images/train/a.jpg", jpeg);
  EXPECT_TRUE(kinds().starts_with("picture-cmyk"));
}

/// A JPEG of 24 x 16 pixels, red on the left, with an EXIF orientation.
std::string turned_jpeg(const fs::path& path, char orientation) {
  cv::Mat picture(16, 24, CV_8UC3, cv::Scalar(0, 0, 0));
  picture(cv::Rect(0, 0, 12, 16)) = cv::Scalar(0, 0, 255);
  std::vector<unsigned char> bytes;
  cv::imencode(".jpg", picture, bytes);
  std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24);
  exif += orientation;
  exif += std::string("\0\0\0\0\0\0\0", 7);
  std::string jpeg(bytes.begin(), bytes.begin() + 2);
  jpeg += std::string("\xFF\xE1\0", 3) + static_cast<char>(exif.size() + 2) + exif;
  jpeg.append(bytes.begin() + 2, bytes.end());
  write(path, jpeg);
  return jpeg;
}

TEST_F(BadFiles, PicturesOfOtherKindsAreUsedUpright) {
  fs::remove(folder_ / "images/train/a.png");
  for (char orientation = 2; orientation <= 8; ++orientation) {
    turned_jpeg(folder_ / "images/train/a.jpg", orientation);
    EXPECT_EQ(kinds(), "picture-turned");
    const DatasetPtr set = open_dataset(folder_.path(), 3, Split::kTrain);
    const Sample sample = set->get(0);
    EXPECT_EQ(set->picture_size(0),
              (PictureSize{.height = sample.image.size(0), .width = sample.image.size(1)}));
    EXPECT_EQ(sample.image.size(0), orientation >= 5 ? 24 : 16);
    // The middle of the red half is red where `upright` says that it comes to lie.
    const Point red = upright({0.25, 0.5}, static_cast<unsigned>(orientation));
    const Point black = upright({0.75, 0.5}, static_cast<unsigned>(orientation));
    const auto at = [&](const Point& point) {
      return sample
          .image[static_cast<std::int64_t>(point.y * static_cast<double>(sample.image.size(0)))]
                [static_cast<std::int64_t>(point.x * static_cast<double>(sample.image.size(1)))][0]
          .item<int>();
    };
    EXPECT_GT(at(red), 200) << int{orientation};
    EXPECT_LT(at(black), 60) << int{orientation};
  }
}

TEST_F(BadFiles, PngsStandUprightAsTheirHeadsSay) {
  const std::string exif("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 26);
  const fs::path path = folder_ / "images/train/a.png";
  ASSERT_TRUE(cv::imwrite(path.string(), cv::Mat(16, 24, CV_8UC3, cv::Scalar(1, 2, 3))));
  const std::string named = "eXIf" + exif, png = read(path);
  const auto crc = static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size())));
  write(path, png.substr(0, 33) + big_endian(static_cast<std::uint32_t>(exif.size())) + named +
                  big_endian(crc) + png.substr(33));
  EXPECT_EQ(kinds(), "picture-turned");
  const DatasetPtr set = open_dataset(folder_.path(), 3, Split::kTrain);
  EXPECT_EQ(set->picture_size(0), (PictureSize{.height = 24, .width = 16}));
  EXPECT_EQ(set->get(0).image.size(0), 24);
}

TEST_F(BadFiles, HeadsOfOtherFormatsTellTheirSizes) {
  fs::remove(folder_ / "images/train/a.png");
  for (const char* ending : {"bmp", "webp", "ppm", "tif", "jpg"}) {
    const fs::path path = folder_ / str("images/train/a.", ending);
    if (!cv::haveImageWriter(path.string())) {
      continue;  // an OpenCV without that format
    }
    ASSERT_TRUE(cv::imwrite(path.string(), cv::Mat(16, 24, CV_8UC3, cv::Scalar(1, 2, 3))))
        << ending;
    EXPECT_EQ(open_dataset(folder_.path(), 3, Split::kTrain)->picture_size(0),
              (PictureSize{.height = 16, .width = 24}))
        << ending;
    fs::remove(path);
  }
}

TEST_F(BadFiles, PicturesThatAreThereTwice) {
  fs::copy(folder_ / "images/train/a.png", folder_ / "images/train/c.png");
  write(folder_ / "labels/train/c.txt", "");
  EXPECT_EQ(kinds(), "picture-twice");
  fs::copy(folder_ / "images/train/a.png", folder_ / "images/val/d.png");
  write(folder_ / "labels/val/d.txt", "");
  EXPECT_EQ(kinds(), "picture-twice picture-in-both-halves");
}

TEST_F(BadFiles, LabelsThatCannotBeRead) {
  fs::remove(folder_ / "labels/train/a.txt");
  fs::create_directory(folder_ / "labels/train/a.txt");
  EXPECT_EQ(kinds(), "label-unreadable");
  EXPECT_EQ(checked().images, 3);
}

TEST_F(BadFiles, ASetWithoutPicturesIsRefused) {
  fs::remove(folder_ / "images/train/a.png");
  fs::remove(folder_ / "images/train/z.png");
  expect_error(
      ErrorCode::kCorruptData, [&] { open_dataset(folder_.path(), 3, Split::kTrain); },
      "it holds no picture");
  EXPECT_EQ(kinds(), "set-empty");
  write(folder_ / "data.yaml", "train: [\nnames: [a]\n");
  EXPECT_TRUE(kinds().starts_with("yaml-broken"));
}

TEST_F(BadFiles, ClassFoldersAreCheckedToo) {
  const TemporaryFolder other;
  write_picture(other / "cat/1.png", 1, 2, 3, 16);
  write_picture(other / "dog/1.png", 4, 5, 6, 16);
  write(other / "dog/2.png", "broken");
  const Checked all = check_set(other.path(), {});
  EXPECT_EQ(all.images, 3);
  ASSERT_EQ(all.problems.size(), 1U);
  EXPECT_EQ(all.problems[0].flaw, Flaw::kPictureDamaged);
}

}  // namespace
}  // namespace lorae::data
