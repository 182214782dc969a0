#include "data/formats/image_folder.h"

#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr ImageShape kColour{3, 4, 6};
constexpr ImageShape kGrey{1, 4, 6};

/// Two classes: reddish pictures under "apple", blueish ones under "berry".
class ImageFolder : public ::testing::Test {
 protected:
  ImageFolder() { write_classes(folder_.path()); }

  static void write_classes(const fs::path& folder) {
    write_picture(folder / "apple" / "1.png", 200, 100, 50);
    write_picture(folder / "apple" / "2.JPG", 200, 100, 50);
    write_picture(folder / "berry" / "1.bmp", 10, 20, 250);
  }

  ImageSet load(ImageShape shape = kColour, Split split = Split::kTrain) const {
    return all_of(open_image_folder(folder_.path(), shape.channels, split), shape);
  }

  template <typename... Parts>
  void expect_mistake(Split split, const Parts&... parts) const {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { load(kColour, split); }, parts...);
  }

  TemporaryFolder folder_;
};

TEST_F(ImageFolder, LabelsAreThePlacesOfTheSortedFolderNames) {
  write_picture(folder_ / "aardvark/a.png", 0, 0, 0);
  const ImageSet set = load();
  EXPECT_EQ(set.classes, (std::vector<std::string>{"aardvark", "apple", "berry"}));
  EXPECT_TRUE(torch::equal(set.labels.bincount(), torch::tensor({1, 2, 1})));
  EXPECT_EQ(set.labels[3].item<int>(), 2);
}

TEST_F(ImageFolder, PicturesBecomePlanesOfRedGreenAndBlueInTheWantedSize) {
  const ImageSet set = load();
  EXPECT_EQ(set.shape(), kColour);
  const auto plane = [&](int image, int channel) {
    return set.images[image][channel].to(torch::kFloat32);
  };
  EXPECT_TRUE(torch::equal(plane(0, 0), torch::full({4, 6}, 200.0)));
  EXPECT_TRUE(torch::equal(plane(0, 1), torch::full({4, 6}, 100.0)));
  EXPECT_TRUE(torch::equal(plane(0, 2), torch::full({4, 6}, 50.0)));
  EXPECT_TRUE(torch::allclose(plane(1, 0), torch::full({4, 6}, 200.0), 0.0, 3.0));  // JPEG
  EXPECT_TRUE(torch::equal(plane(2, 2), torch::full({4, 6}, 250.0)));
}

TEST_F(ImageFolder, OneChannelIsGrey) {
  const ImageSet set = load(kGrey);
  EXPECT_EQ(set.shape(), kGrey);
  // ITU-R 601 luma of (200, 100, 50).
  EXPECT_NEAR(set.images[0][0][0][0].item<double>(), 0.299 * 200 + 0.587 * 100 + 0.114 * 50, 1.0);
}

TEST_F(ImageFolder, ShrinkingAveragesTheArea) {
  cv::Mat board(8, 12, CV_8UC1, cv::Scalar(0));
  for (int y = 0; y < board.rows; ++y) {
    for (int x = y % 2; x < board.cols; x += 2) {
      board.at<unsigned char>(y, x) = 200;
    }
  }
  ASSERT_TRUE(cv::imwrite((folder_ / "apple/0.png").string(), board));
  EXPECT_TRUE(torch::equal(load(kGrey).images[0].to(torch::kInt64), torch::full({1, 4, 6}, 100)));
}

TEST_F(ImageFolder, APictureOfTheRightSizeKeepsItsPixels) {
  cv::Mat picture(4, 6, CV_8UC1);
  for (int i = 0; i < 24; ++i) {
    picture.at<unsigned char>(i / 6, i % 6) = static_cast<unsigned char>(i * 10);
  }
  ASSERT_TRUE(cv::imwrite((folder_ / "apple/0.png").string(), picture));
  EXPECT_TRUE(
      torch::equal(load(kGrey).images[0].flatten().to(torch::kInt64), torch::arange(0, 240, 10)));
}

TEST_F(ImageFolder, OtherFilesAndHiddenNamesAreSkipped) {
  write(folder_ / "apple/notes.txt", "sour");
  write(folder_ / "apple/.1.png", "an editor's leftover");
  write(folder_ / "README.md", "fruit");
  fs::create_directory(folder_ / ".cache");
  EXPECT_EQ(load().size(), 3);
}

TEST_F(ImageFolder, ManyPicturesKeepTheirOrder) {
  for (int i = 0; i < 60; ++i) {
    write_picture(folder_ / str("berry/many_", 100 + i, ".png"), i, 0, 0);
  }
  const ImageSet set = load();
  EXPECT_TRUE(torch::equal(set.images.slice(0, 3).select(1, 0).select(1, 0).select(1, 0),
                           torch::arange(60).to(torch::kUInt8)));
}

TEST_F(ImageFolder, UnreadablePicturesAreErrorsAndTheFirstIsNamed) {
  const std::string png = read(folder_ / "apple/1.png");
  const std::string jpeg = read(folder_ / "apple/2.JPG");
  for (const std::size_t size : {0U, 5U, 30U}) {
    write(folder_ / "apple/1.png", png.substr(0, size));
    write(folder_ / "apple/2.JPG", jpeg.substr(0, size));
    expect_error(
        ErrorCode::kCorruptData, [&] { load(); }, "cannot decode image", "apple/1.png'");
  }
}

TEST_F(ImageFolder, EveryTruncationOfAJpegIsAnErrorNotAGreyPatch) {
  const std::string whole = read(folder_ / "apple/2.JPG");
  // A comment that holds an end marker, as the thumbnails of cameras do.
  const std::string commented =
      whole.substr(0, 2) + std::string("\xFF\xFE\x00\x04\xFF\xD9", 6) + whole.substr(2);
  for (std::size_t size = 0; size < commented.size(); ++size) {
    write(folder_ / "apple/2.JPG", commented.substr(0, size));
    expect_error(
        ErrorCode::kCorruptData, [&] { load(); }, "cannot decode image", "apple/2.JPG'");
  }
  write(folder_ / "apple/2.JPG", commented + "what some telephones append");
  EXPECT_EQ(load().size(), 3);
}

TEST_F(ImageFolder, TruncatedPicturesOfOtherFormatsAreErrorsToo) {
  for (const std::string ending : {".png", ".bmp", ".webp", ".tiff", ".ppm"}) {
    const fs::path path = folder_ / ("apple/3" + ending);
    write_picture(path, 9, 9, 9);
    const std::string whole = read(path);
    for (const std::size_t part : {1U, 2U, 3U}) {
      write(path, whole.substr(0, whole.size() * part / 4));
      expect_error(
          ErrorCode::kCorruptData, [&] { load(); }, "cannot decode image", "apple/3" + ending);
    }
    fs::remove(path);
  }
}

TEST_F(ImageFolder, EmptyClassFolderIsNamed) {
  write(folder_ / "cherry/notes.txt", "to do");
  expect_mistake(Split::kTrain, "class folder", "cherry' holds no image");
}

TEST_F(ImageFolder, FewerThanTwoClassesAreAnError) {
  fs::remove_all(folder_ / "berry");
  expect_mistake(Split::kTrain, "one class folder, 'apple'", "at least 2 classes");
  fs::remove_all(folder_ / "apple");
  expect_mistake(Split::kTrain, folder_.path().string(), "has no class folder");
}

TEST_F(ImageFolder, APartMayLackClasses) {
  write(folder_ / "cherry/notes.txt", "to do");
  const DatasetPtr two =
      open_image_folder(folder_.path(), 3, Split::kTrain, {.holding = Holding::kPart});
  EXPECT_EQ(two->classes(), (std::vector<std::string>{"apple", "berry"}));
  EXPECT_EQ(two->size(), 3);

  fs::remove_all(folder_ / "apple");
  const DatasetPtr one =
      open_image_folder(folder_.path(), 3, Split::kTrain, {.holding = Holding::kPart});
  EXPECT_EQ(one->classes(), (std::vector<std::string>{"berry"}));
  EXPECT_EQ(image_folder_classes(folder_.path(), {.holding = Holding::kPart}), one->classes());

  fs::remove_all(folder_ / "berry");
  expect_error(
      ErrorCode::kInvalidConfig,
      [&] { open_image_folder(folder_.path(), 3, Split::kTrain, {.holding = Holding::kPart}); },
      "has no class folder with images");
}

TEST_F(ImageFolder, OnlyGreyAndColourModelsCanTakePictures) {
  expect_error(
      ErrorCode::kIncompatible,
      [&] {
        load({4, 8, 8});
      },
      "1 or 3 channels, got 4");
}

TEST_F(ImageFolder, WithoutATestFolderThereAreNoTestImages) {
  expect_mistake(Split::kTest, "has no test images", "'train' and 'test' (or 'val')");
}

TEST_F(ImageFolder, AClassMayBeCalledTrain) {
  write_picture(folder_ / "train/1.png", 0, 0, 0);
  EXPECT_EQ(load().classes, (std::vector<std::string>{"apple", "berry", "train"}));
}

TEST(ImageFolderHalves, SplitChoosesTheFolderAndTrainNamesTheClasses) {
  const TemporaryFolder folder;
  write_picture(folder / "train/a/1.png", 1, 1, 1);
  write_picture(folder / "train/b/1.png", 2, 2, 2);
  write_picture(folder / "val/b/1.png", 3, 3, 3);
  const auto load = [&](Split split) {
    return all_of(open_image_folder(folder.path(), 3, split), kColour);
  };
  EXPECT_EQ(load(Split::kTrain).size(), 2);
  const ImageSet val = load(Split::kTest);
  EXPECT_EQ(val.classes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(val.labels[0].item<int>(), 1);  // although b is val's only class
  write_picture(folder / "test/a/1.png", 4, 4, 4);
  EXPECT_EQ(load(Split::kTest).images[0][0][0][0].item<int>(), 4);
}

TEST(ImageFolderHalves, MissingHalvesAndUnknownTestClassesAreErrors) {
  const TemporaryFolder folder;
  const auto expect_mistake = [&](Split split, const auto&... parts) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { open_image_folder(folder.path(), 3, split); }, parts...);
  };
  write_picture(folder / "test/c/1.png", 1, 1, 1);
  expect_mistake(Split::kTrain, "has no training images", "/train'");
  write_picture(folder / "train/a/1.png", 1, 1, 1);
  expect_mistake(Split::kTrain, "one class folder, 'a'");
  write_picture(folder / "train/b/1.png", 2, 2, 2);
  expect_mistake(Split::kTest, "/test/c' has no counterpart in 'train'");
  fs::remove_all(folder / "test");
  expect_mistake(Split::kTest, "has no test images", "/test'");
}

}  // namespace
}  // namespace lorae::data
