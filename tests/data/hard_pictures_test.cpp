// Pictures and folders as people have them: what cannot be read is told, never taken for something
// else.
#include <unistd.h>

#include <opencv2/imgcodecs.hpp>

#include "data/formats/image_folder.h"
#include "data/formats/open.h"
#include "data/picture.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

class HardPictures : public ::testing::Test {
 protected:
  HardPictures() {
    write_picture(folder_ / "apple/1.png", 200, 100, 50);
    write_picture(folder_ / "berry/1.png", 10, 20, 250);
  }

  DatasetPtr open(Split split = Split::kTrain) const {
    return open_dataset(folder_.path(), 3, split);
  }

  /// What opening the folder writes to standard error.
  std::string told() const {
    ::testing::internal::CaptureStderr();
    open();
    return ::testing::internal::GetCapturedStderr();
  }

  /// A JPEG of `size` x `size` pixels that are not all alike.
  std::string jpeg(int size) const {
    cv::Mat noise(size, size, CV_8UC3);
    cv::randu(noise, 0, 255);
    const fs::path path = folder_ / "noise.jpg";
    EXPECT_TRUE(cv::imwrite(path.string(), noise));
    std::string bytes = read(path);
    fs::remove(path);
    return bytes;
  }

  void expect_damaged(const fs::path& path) const {
    expect_error(
        ErrorCode::kCorruptData, [&] { read_picture(path, 3); }, "cannot decode image",
        path.string(), "damaged = \"skip\"");
  }

  TemporaryFolder folder_;
};

void expect_says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
}

TEST_F(HardPictures, WhatIsLeftOutIsToldWithCountReasonAndNamesOnce) {
  for (const char* name : {"a", "b", "c", "d"}) {
    write(folder_ / "apple" / (std::string(name) + ".HEIC"), "a telephone's");
  }
  write(folder_ / "berry/moving.gif", "GIF89a");
  write(folder_ / "berry/deep/1.png", "too deep");
  fs::create_symlink(folder_ / "nowhere.png", folder_ / "berry/2.png");
  const std::string text = told();
  expect_says(text, "warning data.left_out");
  expect_says(text, "4 .heic files: 'apple/a.HEIC', 'apple/b.HEIC', 'apple/c.HEIC' ...");
  expect_says(text, "1 .gif files: 'berry/moving.gif'");
  expect_says(text, "1 links to nothing: 'berry/2.png'");
  expect_says(text, "1 folders inside a class folder: 'berry/deep'");
  EXPECT_EQ(told(), "") << "once";
  EXPECT_EQ(open()->size(), 2);
}

TEST_F(HardPictures, WhatSystemsLeaveBehindIsNotWorthAWord) {
  write(folder_ / "__MACOSX/apple/._1.png", "resource fork");
  write(folder_ / "lost+found/x", "");
  for (const char* name : {".DS_Store", "Thumbs.db", "desktop.ini"}) {
    write(folder_ / "apple" / name, "junk");
  }
  EXPECT_EQ(told(), "");
  EXPECT_EQ(open()->classes(), (std::vector<std::string>{"apple", "berry"}));
}

TEST_F(HardPictures, SplitsMayBeWrittenInAnyCase) {
  TemporaryFolder other;
  for (const char* name : {"Train/a/1.png", "Train/b/1.png", "Val/a/1.png"}) {
    write_picture(other / name, 1, 2, 3);
  }
  EXPECT_EQ(open_dataset(other.path(), 3, Split::kTrain)->size(), 2);
  EXPECT_EQ(open_dataset(other.path(), 3, Split::kTest)->size(), 1);
  write_picture(other / "TEST/b/1.png", 1, 2, 3);
  EXPECT_EQ(open_dataset(other.path(), 3, Split::kTest)->label(0), 1) << "test goes before val";
}

TEST_F(HardPictures, AFolderWithoutPermissionIsToldAsThat) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root may read everything";
  }
  fs::permissions(folder_ / "apple", fs::perms::none);
  expect_error(
      ErrorCode::kInvalidConfig, [&] { open(); }, "apple'", "Permission denied");
  fs::permissions(folder_ / "apple", fs::perms::owner_all);
}

TEST_F(HardPictures, AJpegThatIsDamagedInTheMiddleIsAnError) {
  std::string bytes = jpeg(64);
  const fs::path path = folder_ / "apple/2.jpg";
  write(path, bytes);
  EXPECT_EQ(read_picture(path, 3).sizes(), (std::vector<std::int64_t>{64, 64, 3}));
  // A marker in the data: the decoder would make up what comes behind it.
  bytes[bytes.size() / 2] = '\xFF';
  bytes[bytes.size() / 2 + 1] = '\xD9';
  write(path, bytes);
  expect_damaged(path);
}

TEST_F(HardPictures, DamagedOnesAreLeftOutOnRequestAndTold) {
  write(folder_ / "apple/0.png", "no picture");
  write(folder_ / "berry/9.jpg", jpeg(32).substr(0, 500));
  const DatasetPtr all = open();
  EXPECT_EQ(all->size(), 4);
  ::testing::internal::CaptureStderr();
  const DatasetPtr sound = without_damaged(all);
  const std::string text = ::testing::internal::GetCapturedStderr();
  expect_says(text, "data.damaged left out 2 of 4 images");
  expect_says(text, "apple/0.png'");
  expect_says(text, "berry/9.jpg'");
  ASSERT_EQ(sound->size(), 2);
  EXPECT_EQ(labels_of(*sound), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(without_damaged(sound), sound);
}

TEST_F(HardPictures, TwelveBitsInSixteenKeepTheirBrightness) {
  const auto brightness = [&](std::uint16_t value, std::uint16_t largest) {
    cv::Mat picture(4, 4, CV_16UC1, cv::Scalar(value));
    picture.at<std::uint16_t>(0, 0) = largest;
    const fs::path path = folder_ / "apple/deep.png";
    EXPECT_TRUE(cv::imwrite(path.string(), picture));
    return read_picture(path, 1)[2][2][0].item<int>();
  };
  EXPECT_NEAR(brightness(2048, 4095), 128, 1);
  EXPECT_NEAR(brightness(2048, 3000), 128, 1) << "a dark picture of the same camera";
  EXPECT_NEAR(brightness(32768, 65535), 128, 1);
}

/// A JPEG with an EXIF segment that says how the camera was held.
std::string turned(const std::string& bytes, char orientation, bool little) {
  const auto number = [&](int value, int size) {
    std::string text;
    for (int i = 0; i < size; ++i) {
      text += static_cast<char>(value >> (8 * (little ? i : size - 1 - i)) & 255);
    }
    return text;
  };
  const std::string tiff = (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(1, 2) +
                           number(0x0112, 2) + number(3, 2) + number(1, 4) +
                           number(orientation, 2) + number(0, 2) + number(0, 4);
  const std::string body = std::string("Exif\0\0", 6) + tiff;
  const auto size = static_cast<int>(body.size() + 2);
  return bytes.substr(0, 2) + "\xFF\xE1" + static_cast<char>(size >> 8) +
         static_cast<char>(size & 255) + body + bytes.substr(2);
}

TEST_F(HardPictures, JpegsStandUprightAsOpenCvPutsThem) {
  cv::Mat picture(16, 24, CV_8UC3, cv::Scalar(0, 0, 0));
  picture(cv::Rect(0, 0, 8, 8)) = cv::Scalar(0, 0, 255);   // red, top left
  picture(cv::Rect(16, 0, 8, 8)) = cv::Scalar(0, 255, 0);  // green, top right
  const fs::path path = folder_ / "apple/held.jpg";
  ASSERT_TRUE(cv::imwrite(path.string(), picture));
  const std::string plain = read(path);
  for (char orientation = 1; orientation <= 8; ++orientation) {
    for (const bool little : {false, true}) {
      write(path, turned(plain, orientation, little));
      const cv::Mat wanted = cv::imread(path.string(), cv::IMREAD_COLOR);
      const at::Tensor got = read_picture(path, 3);
      ASSERT_EQ(got.size(0), wanted.rows) << int{orientation};
      ASSERT_EQ(got.size(1), wanted.cols) << int{orientation};
      const at::Tensor blue_first =
          torch::from_blob(wanted.data, got.sizes(), torch::kUInt8).flip({2}).to(torch::kInt);
      EXPECT_LE((got.to(torch::kInt) - blue_first).abs().max().item<int>(), 2) << int{orientation};
    }
  }
}

}  // namespace
}  // namespace lorae::data
