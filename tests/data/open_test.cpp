#include "data/open.h"

#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr ImageShape kGrey{1, 28, 28};
constexpr ImageShape kColour{3, 32, 32};

void expect_mistake(const fs::path& path, const auto&... parts) {
  expect_error(
      ErrorCode::kInvalidConfig, [&] { open_image_set(path, kColour, Split::kTrain); }, parts...);
}

TEST(OpenImageSet, RecognisesIdxFiles) {
  const TemporaryFolder folder;
  write_gz(folder / "t10k-images-idx3-ubyte.gz", idx_images(20, 28, 28));
  write(folder / "t10k-labels-idx1-ubyte", idx_labels(20));
  const ImageSet set = open_image_set(folder.path(), kGrey, Split::kTest);
  EXPECT_EQ(set.size(), 20);
  EXPECT_EQ(set.classes[1], "Trouser");
  expect_error(
      ErrorCode::kIncompatible, [&] { open_image_set(folder.path(), kColour, Split::kTest); },
      str("'", folder.path().string(), "' holds 1x28x28 images, the model takes 3x32x32"));
}

TEST(OpenImageSet, RecognisesCifar) {
  const TemporaryFolder folder;
  write_cifar10(folder.path(), 2);
  EXPECT_EQ(open_image_set(folder.path(), kColour, Split::kTrain).size(), 10);
  expect_error(
      ErrorCode::kIncompatible, [&] { open_image_set(folder.path(), kGrey, Split::kTrain); },
      str("'", folder.path().string(), "' holds 3x32x32 images, the model takes 1x28x28"));
}

TEST(OpenImageSet, RecognisesClassFoldersAndResizesTheirPictures) {
  const TemporaryFolder folder;
  write_picture(folder / "cat/1.png", 1, 2, 3);
  write_picture(folder / "dog/1.webp", 1, 2, 3);
  EXPECT_EQ(open_image_set(folder.path(), kColour, Split::kTrain).shape(), kColour);
  EXPECT_EQ(open_image_set(folder.path(), kGrey, Split::kTrain).shape(), kGrey);
}

TEST(OpenImageSet, MissingFolderSaysWhatIsAccepted) {
  expect_mistake("/no/such/folder", "'/no/such/folder' does not exist", "IDX files", "CIFAR-100",
                 "sub-folder of images per class");
}

TEST(OpenImageSet, AFileOrAnEmptyFolderSaysWhatIsAccepted) {
  const TemporaryFolder folder;
  expect_mistake(folder.path(), "holds no data set", "IDX files", "CIFAR-10's");
  write(folder / "data.zip", "PK");
  expect_mistake(folder / "data.zip", "data.zip' is a file", "sub-folder of images per class");
}

TEST(OpenImageSet, TheFolderAboveADataSetGetsAHint) {
  const TemporaryFolder folder;
  write_cifar10(folder / "cifar-10-batches-bin", 1);
  expect_mistake(folder.path(), "did you mean", "/cifar-10-batches-bin'?");
}

}  // namespace
}  // namespace lorae::data
