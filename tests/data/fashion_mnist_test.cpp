#include "data/formats/fashion_mnist.h"

#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr const char* kInstalled = "/usr/share/datasets/fashion-mnist";

/// Twelve training images of 2x3 pixels, one file plain and one compressed.
class SmallIdx : public ::testing::Test {
 protected:
  SmallIdx() {
    write(images(), idx_images(12, 2, 3));
    write_gz(labels(), idx_labels(12));
  }

  fs::path images() const { return folder_ / "train-images-idx3-ubyte"; }
  fs::path labels() const { return folder_ / "train-labels-idx1-ubyte.gz"; }
  ImageSet load() const { return load_fashion_mnist(folder_.path(), Split::kTrain); }

  template <typename... Parts>
  void expect_corrupt(const Parts&... parts) const {
    expect_error(
        ErrorCode::kCorruptData, [&] { load(); }, parts...);
  }

  TemporaryFolder folder_;
};

TEST(FashionMnist, LoadsTheInstalledDataSet) {
  if (!holds_fashion_mnist(kInstalled)) {
    GTEST_SKIP() << "no " << kInstalled << "; apt install dataset-fashion-mnist";
  }
  const ImageSet train = load_fashion_mnist(kInstalled, Split::kTrain);
  const ImageSet test = load_fashion_mnist(kInstalled, Split::kTest);
  EXPECT_EQ(train.shape(), (ImageShape{1, 28, 28}));
  EXPECT_EQ(class_histogram(train), std::vector<std::int64_t>(10, 6000));
  EXPECT_EQ(class_histogram(test), std::vector<std::int64_t>(10, 1000));
  EXPECT_EQ(train.labels[0].item<int>(), 9);
  EXPECT_EQ(train.classes[9], "Ankle boot");
  // The published mean of the training pixels, 0.2860 of 255.
  EXPECT_NEAR(train.images.sum().item<double>() / static_cast<double>(train.images.numel()) / 255.0,
              0.2860, 1e-4);
}

TEST_F(SmallIdx, ReadsPlainAndCompressedFiles) {
  const ImageSet set = load();
  EXPECT_EQ(set.size(), 12);
  EXPECT_EQ(set.shape(), (ImageShape{1, 2, 3}));
  EXPECT_EQ(set.labels[11].item<int>(), 1);
  EXPECT_EQ(set.labels.scalar_type(), torch::kInt64);
  EXPECT_EQ(set.images[1][0][1][2].item<int>(), pattern(11));  // the twelfth pixel
}

TEST_F(SmallIdx, PrefersThePlainFile) {
  write_gz(folder_ / "train-images-idx3-ubyte.gz", "no IDX at all");
  EXPECT_EQ(load().size(), 12);
}

TEST_F(SmallIdx, MissingHalfSaysWhatToInstall) {
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load_fashion_mnist(folder_.path(), Split::kTest); },
      "t10k-labels-idx1-ubyte", "apt install dataset-fashion-mnist");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load_fashion_mnist("/no/such", Split::kTrain); },
      "/no/such/train-labels-idx1-ubyte", "apt install dataset-fashion-mnist");
}

TEST_F(SmallIdx, EveryTruncationOfAPlainFileIsAnErrorThatNamesIt) {
  const std::string whole = read(images());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write(images(), whole.substr(0, size));
    expect_corrupt("train-images-idx3-ubyte'", "fetch it again");
  }
}

TEST_F(SmallIdx, EveryTruncationOfACompressedFileIsAnErrorThatNamesIt) {
  const std::string whole = read(labels());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write(labels(), whole.substr(0, size));
    expect_corrupt("train-labels-idx1-ubyte.gz'", "fetch it again");
  }
}

TEST_F(SmallIdx, TruncatedPixelsAreCounted) {
  truncate(images(), 16 + 70);
  expect_corrupt("ends early: expected 72 bytes of pixels, got 70");
}

TEST_F(SmallIdx, OneFlippedBitOfACompressedFileIsNeverAnotherDataSet) {
  const std::string whole = read(labels());
  const ImageSet before = load();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 4);
    write(labels(), broken);
    try {
      // Some bits of the gzip header, such as the time stamp, mean nothing.
      EXPECT_TRUE(torch::equal(load().labels, before.labels)) << "at " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << error.what();
    }
  }
}

TEST_F(SmallIdx, WrongChecksumIsAnError) {
  std::string bytes = read(labels());
  bytes[bytes.size() - 8] = static_cast<char>(bytes[bytes.size() - 8] ^ 1);
  write(labels(), bytes);
  expect_corrupt("cannot unpack", "train-labels-idx1-ubyte.gz");
}

TEST_F(SmallIdx, SwappedFilesAreRecognisedByTheirMagicNumber) {
  write(images(), idx_labels(12));
  expect_corrupt("train-images-idx3-ubyte' is not an IDX file of images",
                 "expected magic number 2051, got 2049");
}

TEST_F(SmallIdx, DifferentCountsAreAnError) {
  write_gz(labels(), idx_labels(11));
  expect_corrupt("train-labels-idx1-ubyte.gz' does not belong to", "expected 12 labels, got 11");
}

TEST_F(SmallIdx, MoreThanTenLabelsGoByNumberAsThoseOfEmnist) {
  std::string bytes = idx_labels(12);
  bytes[8 + 5] = 26;
  write_gz(labels(), bytes);
  const ImageSet set = load();
  ASSERT_EQ(set.classes.size(), 27U);
  EXPECT_EQ(set.classes[26], "26");
  EXPECT_EQ(idx_classes(folder_.path()), set.classes);
}

TEST_F(SmallIdx, LabelThatTheTrainingHalfDoesNotHaveIsAnError) {
  write(folder_ / "t10k-images-idx3-ubyte", idx_images(12, 2, 3));
  std::string bytes = idx_labels(12);
  bytes[8 + 5] = 10;
  write(folder_ / "t10k-labels-idx1-ubyte", bytes);
  expect_error(
      ErrorCode::kCorruptData, [&] { load_fashion_mnist(folder_.path(), Split::kTest); },
      "label 10 is none of the training images', which go up to 9");
}

TEST_F(SmallIdx, IsReadUnderTheNamesThatPeoplesCopiesHave) {
  const std::string pictures = read(images()), numbers = idx_labels(12);
  for (const auto& [of_images, of_labels] :
       {std::pair("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        {"train-images-idx3-ubyte/train-images-idx3-ubyte",
         "train-labels-idx1-ubyte/train-labels-idx1-ubyte"},
        {"train-images.idx3-ubyte/train-images.idx3-ubyte",
         "train-labels.idx1-ubyte/train-labels.idx1-ubyte"}}) {
    const TemporaryFolder other;
    write(other / of_images, pictures);
    fs::create_directories((other / of_labels).parent_path());
    write_gz(other / (std::string(of_labels) + ".gz"), numbers);
    EXPECT_TRUE(holds_fashion_mnist(other.path())) << of_images;
    EXPECT_EQ(load_fashion_mnist(other.path(), Split::kTrain).size(), 12) << of_images;
  }
}

TEST_F(SmallIdx, BytesAfterTheLastItemAreAnError) {
  write(images(), idx_images(12, 2, 3) + "x");
  expect_corrupt("train-images-idx3-ubyte' goes on after");
}

TEST_F(SmallIdx, AbsurdHeadersAllocateNothing) {
  const std::string pixel_bytes = pixels(72);
  const std::string magic = big_endian(0x803);
  write(images(), magic + big_endian(0xFFFFFFFF) + big_endian(28) + big_endian(28) + pixel_bytes);
  expect_corrupt("claims to hold 3367254359280 bytes of data in a file of 88");
  write(images(), magic + big_endian(12) + big_endian(0xFFFFFFFF) + big_endian(3) + pixel_bytes);
  expect_corrupt("expected image sides in [1, 4096], got 4294967295x3");
  write(images(), magic + big_endian(0) + big_endian(2) + big_endian(3));
  expect_corrupt("claims to hold 0 bytes");
}

TEST_F(SmallIdx, AFolderInPlaceOfAFileIsNotThere) {
  fs::remove(images());
  fs::create_directory(images());
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load(); }, "no file", "train-images-idx3-ubyte");
}

}  // namespace
}  // namespace lorae::data
