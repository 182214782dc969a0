#include "data/formats/cifar.h"

#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

class Cifar10 : public ::testing::Test {
 protected:
  Cifar10() { write_cifar10(folder_.path(), 3); }

  ImageSet load(Split split = Split::kTrain) const { return load_cifar(folder_.path(), split); }

  template <typename... Parts>
  void expect_corrupt(const Parts&... parts) const {
    expect_error(
        ErrorCode::kCorruptData, [&] { load(); }, parts...);
  }

  TemporaryFolder folder_;
};

/// Two records per file; the image number is its first red pixel.
class Cifar100 : public ::testing::Test {
 protected:
  Cifar100() {
    std::string names;
    for (int k = 0; k < 100; ++k) {
      names += str("fine", k, "\r\n");
    }
    write(folder_ / "fine_label_names.txt", names);
    write(folder_ / "train.bin", record(19, 99, 0) + record(0, 1, 1));
    write(folder_ / "test.bin", record(2, 42, 2));
  }

  static std::string record(int coarse, int fine, int number) {
    std::string bytes = pixels(3074);
    bytes[0] = static_cast<char>(coarse);
    bytes[1] = static_cast<char>(fine);
    bytes[2] = static_cast<char>(number);
    return bytes;
  }

  TemporaryFolder folder_;
};

TEST_F(Cifar10, JoinsTheFiveBatchesInOrder) {
  std::string second = read(folder_ / "data_batch_2.bin");
  second[0] = 7;
  write(folder_ / "data_batch_2.bin", second);
  const ImageSet set = load();
  EXPECT_EQ(set.size(), 15);
  EXPECT_EQ(set.shape(), (ImageShape{3, 32, 32}));
  EXPECT_EQ(set.classes.size(), 10U);
  EXPECT_EQ(set.classes[4], "name4");
  EXPECT_EQ(set.labels[2].item<int>(), 2);
  EXPECT_EQ(set.labels[3].item<int>(), 7);
  EXPECT_EQ(load(Split::kTest).size(), 3);
}

TEST_F(Cifar10, PlanesAreRedThenGreenThenBlueRowByRow) {
  const ImageSet set = load();
  const auto expected = [](std::size_t position) {
    return static_cast<int>(static_cast<unsigned char>(pattern(position)));
  };
  EXPECT_EQ(set.images[14][0][0][5].item<int>(), expected(5));
  EXPECT_EQ(set.images[14][1][2][3].item<int>(), expected(1024 + 2 * 32 + 3));
  EXPECT_EQ(set.images[14][2][31][31].item<int>(), expected(3071));
}

TEST_F(Cifar10, ReadsMoreRecordsThanOneBufferHolds) {
  write_cifar10(folder_.path(), 601);
  const ImageSet set = load(Split::kTest);
  EXPECT_EQ(set.size(), 601);
  EXPECT_EQ(set.labels[599].item<int>(), 9);
  EXPECT_TRUE(torch::equal(set.images[0], set.images[600]));
}

TEST_F(Cifar10, WrongSizesAreErrorsThatNameTheFile) {
  const fs::path file = folder_ / "data_batch_3.bin";
  for (const std::size_t size : {0U, 1U, 3072U, 3074U, 9218U}) {
    write(file, pixels(size));
    expect_corrupt("data_batch_3.bin' is no whole number of CIFAR-10 records",
                   str("expected a multiple of 3073 bytes, got ", size));
  }
}

TEST_F(Cifar10, LabelBeyondTheClassesIsAnError) {
  std::string bytes = read(folder_ / "data_batch_5.bin");
  bytes[2 * 3073] = 10;
  write(folder_ / "data_batch_5.bin", bytes);
  expect_corrupt("data_batch_5.bin': label of image 2: expected one in [0, 10), got 10");
}

TEST_F(Cifar10, MissingFilesAreNamed) {
  fs::remove(folder_ / "data_batch_4.bin");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load(); }, "data_batch_4.bin', which is part of CIFAR-10",
      "cifar-10-binary.tar.gz");
  fs::remove(folder_ / "batches.meta.txt");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load(Split::kTest); }, "batches.meta.txt");
}

TEST_F(Cifar10, TooFewClassNamesAreAnError) {
  write(folder_ / "batches.meta.txt", "airplane\nautomobile\n\n");
  expect_corrupt("batches.meta.txt': expected 10 class names, one per line, got 2");
}

TEST_F(Cifar100, LabelsAreTheFineOnes) {
  const ImageSet train = load_cifar(folder_.path(), Split::kTrain);
  const ImageSet test = load_cifar(folder_.path(), Split::kTest);
  EXPECT_EQ(train.shape(), (ImageShape{3, 32, 32}));
  EXPECT_EQ(train.labels[0].item<int>(), 99);
  EXPECT_EQ(train.labels[1].item<int>(), 1);
  EXPECT_EQ(train.images[1][0][0][0].item<int>(), 1);
  EXPECT_EQ(train.classes[99], "fine99");
  EXPECT_EQ(test.labels[0].item<int>(), 42);
}

TEST_F(Cifar100, BothLabelBytesAreChecked) {
  write(folder_ / "train.bin", record(0, 0, 0) + record(20, 1, 1));
  expect_error(
      ErrorCode::kCorruptData, [&] { load_cifar(folder_.path(), Split::kTrain); },
      "train.bin': label of image 1: expected one in [0, 20), got 20");
  write(folder_ / "train.bin", record(0, 100, 0));
  expect_error(
      ErrorCode::kCorruptData, [&] { load_cifar(folder_.path(), Split::kTrain); },
      "train.bin': label of image 0: expected one in [0, 100), got 100");
}

TEST_F(Cifar100, RecordsOfCifar10AreRefusedByTheirSize) {
  write(folder_ / "test.bin", pixels(3073));
  expect_error(
      ErrorCode::kCorruptData, [&] { load_cifar(folder_.path(), Split::kTest); },
      "test.bin' is no whole number of CIFAR-100 records", "3074 bytes, got 3073");
}

TEST_F(Cifar100, BothVersionsInOneFolderAreAmbiguous) {
  write_cifar10(folder_.path(), 1);
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load_cifar(folder_.path(), Split::kTrain); },
      "holds both CIFAR-10 and CIFAR-100");
}

TEST(Cifar, FolderWithoutItSaysWhatToUnpack) {
  const TemporaryFolder folder;
  EXPECT_FALSE(holds_cifar(folder.path()));
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load_cifar(folder.path(), Split::kTrain); },
      folder.path().string(), "holds no CIFAR", "unpack the binary version");
}

}  // namespace
}  // namespace lorae::data
