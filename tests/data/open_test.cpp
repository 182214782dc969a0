#include "data/formats/open.h"

#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr ImageShape kGrey{1, 28, 28};
constexpr ImageShape kColour{3, 32, 32};

void expect_mistake(const fs::path& path, const auto&... parts) {
  expect_error(
      ErrorCode::kInvalidConfig, [&] { open_dataset(path, 3, Split::kTrain); }, parts...);
}

TEST(OpenDataset, RecognisesIdxFiles) {
  const TemporaryFolder folder;
  write_gz(folder / "t10k-images-idx3-ubyte.gz", idx_images(20, 28, 28));
  write(folder / "t10k-labels-idx1-ubyte", idx_labels(20));
  const DatasetPtr set = open_dataset(folder.path(), 1, Split::kTest);
  EXPECT_EQ(set->size(), 20);
  EXPECT_EQ(set->classes()[1], "Trouser");
  ASSERT_NE(set->in_memory(), nullptr);
  EXPECT_EQ(set->in_memory()->shape(), kGrey);
}

TEST(OpenDataset, RecognisesCifar) {
  const TemporaryFolder folder;
  write_cifar10(folder.path(), 2);
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTrain);
  EXPECT_EQ(set->size(), 10);
  EXPECT_EQ(set->in_memory()->shape(), kColour);
}

TEST(OpenDataset, RecognisesClassFoldersAndDecodesNothing) {
  const TemporaryFolder folder;
  write_picture(folder / "cat/1.png", 1, 2, 3);
  write_picture(folder / "dog/1.webp", 1, 2, 3);
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTrain);
  EXPECT_EQ(set->in_memory(), nullptr);
  write(folder / "cat/1.png", "damaged");
  EXPECT_EQ(open_dataset(folder.path(), 3, Split::kTrain)->size(), 2);
  expect_error(
      ErrorCode::kCorruptData, [&] { set->get(0); }, "cat/1.png'");
  EXPECT_EQ(set->get(1).image.sizes(), (std::vector<std::int64_t>{8, 8, 3}));
}

TEST(OpenDataset, MissingFolderSaysWhatIsAccepted) {
  expect_mistake("/no/such/folder", "'/no/such/folder' does not exist", "IDX files", "CIFAR-100",
                 "sub-folder of images per class");
}

TEST(OpenDataset, AFileOrAnEmptyFolderSaysWhatIsAccepted) {
  const TemporaryFolder folder;
  expect_mistake(folder.path(), "holds no data set", "IDX files", "CIFAR-10's");
  write(folder / "data.zip", "PK");
  expect_mistake(folder / "data.zip", "data.zip' is a file", "sub-folder of images per class");
}

TEST(OpenDataset, TheFolderAboveADataSetGetsAHint) {
  const TemporaryFolder folder;
  write_cifar10(folder / "cifar-10-batches-bin", 1);
  expect_mistake(folder.path(), "did you mean", "/cifar-10-batches-bin'?");
}

TEST(HeldIfSmall, DecodesOnceAndFitsSizeAndChannels) {
  const TemporaryFolder folder;
  write_picture(folder / "cat/1.png", 200, 100, 50);
  write_picture(folder / "dog/1.png", 1, 2, 3, 20);
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTrain);
  const DatasetPtr held = held_if_small(set, {3, 4, 6});
  ASSERT_NE(held->in_memory(), nullptr);
  EXPECT_EQ(held->in_memory()->shape(), (ImageShape{3, 4, 6}));
  EXPECT_EQ(held->classes(), set->classes());
  EXPECT_EQ(held_if_small(held, {3, 4, 6}), held);
  EXPECT_EQ(held_if_small(set, {3, 4, 6}, 2 * 72 - 1), set) << "two pictures of 72 bytes";
  const at::Tensor grey = held_if_small(set, {1, 4, 6})->in_memory()->images;
  EXPECT_NEAR(grey[0][0][0][0].item<double>(), 0.299 * 200 + 0.587 * 100 + 0.114 * 50, 1.0);
}

TEST(HeldIfSmall, GivesColoursToGreyImages) {
  const TemporaryFolder folder;
  write(folder / "t10k-images-idx3-ubyte", idx_images(20, 28, 28));
  write(folder / "t10k-labels-idx1-ubyte", idx_labels(20));
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTest);
  const at::Tensor images = held_if_small(set, {3, 28, 28})->in_memory()->images;
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_TRUE(torch::equal(images.select(1, channel), set->in_memory()->images.select(1, 0)));
  }
}

}  // namespace
}  // namespace lorae::data
