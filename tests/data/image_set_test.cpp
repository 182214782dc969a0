#include "data/image_set.h"

#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

/// Four images of two channels and 2x3 pixels, holding 0, 1, 2 ... 47.
ImageSet counting() {
  return {torch::arange(48).view({4, 2, 2, 3}).to(torch::kUInt8),
          torch::tensor({2, 0, 2, 1}, torch::kInt64),
          {"a", "b", "c", "d"}};
}

TEST(ImageSet, SelectsInTheGivenOrderAndCopies) {
  const ImageSet set = counting();
  const ImageSet chosen = set.select({3, 0, 3});
  EXPECT_EQ(chosen.size(), 3);
  EXPECT_EQ(chosen.classes, set.classes);
  EXPECT_TRUE(torch::equal(chosen.images[0], set.images[3]));
  EXPECT_TRUE(torch::equal(chosen.labels, torch::tensor({1, 2, 1}, torch::kInt64)));
  chosen.images.zero_();
  EXPECT_EQ(set.images[3][0][0][0].item<int>(), 36);
}

TEST(ImageSet, SelectingNothingKeepsTheShape) {
  const ImageSet none = counting().select({});
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.shape(), (ImageShape{2, 2, 3}));
}

TEST(ImageSet, SelectRefusesIndicesOutside) {
  for (const std::int64_t index : {-1, 4}) {
    expect_error(
        ErrorCode::kInvalidArgument,
        [&] {
          counting().select({0, index});
        },
        str("image ", index, " selected: expected an index in [0, 4)"));
  }
}

TEST(ImageSet, DefaultIsEmpty) {
  const ImageSet empty;
  EXPECT_EQ(empty.size(), 0);
  EXPECT_EQ(empty.select({}).size(), 0);
  EXPECT_EQ(shifted_domain(empty).size(), 0);
  EXPECT_TRUE(class_histogram(empty).empty());
}

TEST(ImageShape, StreamsAsChannelsHeightWidth) {
  EXPECT_EQ(str(ImageShape{3, 224, 192}), "3x224x192");
}

TEST(ClassHistogram, CountsAlsoAbsentClasses) {
  EXPECT_EQ(class_histogram(counting()), (std::vector<std::int64_t>{1, 1, 2, 0}));
}

TEST(ClassHistogram, RefusesALabelThatIsNoClass) {
  ImageSet set = counting();
  set.classes.resize(2);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { class_histogram(set); },
      "image 0 has label 2: expected one in [0, 2)");
}

TEST(Normalised, SubtractsTheMeanAndDividesByTheStdOfEachChannel) {
  const ImageSet set = counting();
  const at::Tensor result = normalised(set.images, {0.1, 0.2}, {0.5, 0.25});
  EXPECT_EQ(result.scalar_type(), torch::kFloat32);
  EXPECT_NEAR(result[1][0][0][1].item<double>(), (13.0 / 255.0 - 0.1) / 0.5, 1e-6);
  EXPECT_NEAR(result[1][1][1][2].item<double>(), (23.0 / 255.0 - 0.2) / 0.25, 1e-6);
  EXPECT_EQ(set.images[1][0][0][1].item<int>(), 13);
}

TEST(Normalised, RefusesWhatItCannotMean) {
  const at::Tensor images = counting().images;
  const auto expect_refused = [](const auto& action, const char* part) {
    expect_error(ErrorCode::kInvalidArgument, action, part);
  };
  expect_refused(
      [&] {
        normalised(images, {0.1, 0.1, 0.1}, {0.5, 0.5});
      },
      "expected 1 or 2 values each, one per channel, got 3 and 2");
  expect_refused(
      [&] {
        normalised(images, {0.1, 0.1}, {0.5, 0.0});
      },
      "expected a positive number, got 0");
  expect_refused([&] { normalised(images[0], {0.1, 0.1}, {0.5, 0.5}); }, "uint8 [N, C, H, W]");
  expect_refused(
      [&] {
        normalised(images.to(torch::kFloat32), {0.1, 0.1}, {0.5, 0.5});
      },
      "uint8 [N, C, H, W]");
  expect_refused([] { normalised({}, {}, {}); }, "uint8 [N, C, H, W]");
}

TEST(ShiftedDomain, TurnsCounterClockwiseAndInverts) {
  const ImageSet set = counting();
  const ImageSet shifted = shifted_domain(set);
  EXPECT_EQ(shifted.shape(), (ImageShape{2, 3, 2}));
  EXPECT_TRUE(shifted.images.is_contiguous());
  // 0 1 2      2 5
  // 3 4 5  ->  1 4  -> 255 - x
  //            0 3
  const auto expected = 255 - torch::tensor({2, 5, 1, 4, 0, 3}, torch::kInt64).view({3, 2});
  EXPECT_TRUE(torch::equal(shifted.images[0][0].to(torch::kInt64), expected));
  EXPECT_TRUE(torch::equal(shifted.labels, set.labels));
  EXPECT_EQ(set.images[0][0][0][1].item<int>(), 1);
}

TEST(ShiftedDomain, FourTimesIsTheOriginal) {
  ImageSet set = counting();
  for (int turn = 0; turn < 4; ++turn) {
    set = shifted_domain(set);
  }
  EXPECT_TRUE(torch::equal(set.images, counting().images));
}

}  // namespace
}  // namespace lorae::data
