#include "training/shares.h"

#include <numeric>
#include <set>

#include "base/digest.h"
#include "data/fashion_mnist.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"

namespace lorae::training {
namespace {

using lorae::testing::expect_error;
using testing::striped_images;

constexpr const char* kInstalled = "/usr/share/datasets/fashion-mnist";
constexpr Seed kSeed{1};

bool same_images(const data::ImageSet& a, const data::ImageSet& b) {
  return a.images.equal(b.images) && a.labels.equal(b.labels);
}

/// The digest of each image's pixels.
std::set<Digest> digests(const data::ImageSet& set) {
  std::set<Digest> all;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const at::Tensor image = set.images[i].contiguous();
    all.insert(digest_of(std::as_bytes(
        std::span(image.data_ptr<std::uint8_t>(), static_cast<std::size_t>(image.numel())))));
  }
  return all;
}

class FashionData : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!data::holds_fashion_mnist(kInstalled)) {
      GTEST_SKIP() << "no " << kInstalled << "; apt install dataset-fashion-mnist";
    }
  }

  models::ModelOptions model_;
  DataOptions options_{
      .path = kInstalled, .public_images = 300, .private_images = 200, .test_images = 100};
};

TEST_F(FashionData, PublicAndPrivateImagesAreDisjoint) {
  options_.shift = "none";
  const std::set<Digest> known = digests(public_images(options_, model_, kSeed));
  const std::set<Digest> secret = digests(private_images(options_, model_, kSeed));
  EXPECT_EQ(known.size(), 300U);
  EXPECT_EQ(secret.size(), 200U);
  std::vector<Digest> both;
  std::set_intersection(known.begin(), known.end(), secret.begin(), secret.end(),
                        std::back_inserter(both));
  EXPECT_TRUE(both.empty());
}

TEST_F(FashionData, ShiftsThePrivateDomainAndItsTestAlone) {
  const auto known = public_images(options_, model_, kSeed);
  const auto secret = private_images(options_, model_, kSeed);
  const auto test = test_images(options_, model_, kSeed);
  options_.shift = "none";
  EXPECT_TRUE(same_images(known, public_images(options_, model_, kSeed)));
  EXPECT_TRUE(same_images(secret, data::shifted_domain(private_images(options_, model_, kSeed))));
  EXPECT_TRUE(same_images(test, data::shifted_domain(test_images(options_, model_, kSeed))));
}

TEST_F(FashionData, DependsOnTheSeedAlone) {
  EXPECT_TRUE(same_images(private_images(options_, model_, kSeed),
                          private_images(options_, model_, kSeed)));
  EXPECT_FALSE(same_images(private_images(options_, model_, kSeed),
                           private_images(options_, model_, Seed{2})));
  EXPECT_FALSE(
      same_images(test_images(options_, model_, kSeed), test_images(options_, model_, Seed{2})));
}

TEST_F(FashionData, TestsOnTheTestHalf) {
  options_.shift = "none";
  options_.test_images = 10000;
  EXPECT_EQ(test_images(options_, model_, kSeed).size(), 10000);
  options_.test_images = 10001;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { test_images(options_, model_, kSeed); },
      "private images out of 10000; ask for fewer");
}

TEST_F(FashionData, RefusesMoreImagesThanThereAre) {
  options_.public_images = 59900;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { public_images(options_, model_, kSeed); },
      "cannot take 59900 public and 200 private images out of 60000; ask for fewer");
}

TEST_F(FashionData, RefusesAModelOfAnotherSizeOrWithTooFewOutputs) {
  models::ModelOptions wide = model_;
  wide.width = 32;
  expect_error(
      ErrorCode::kIncompatible, [&] { public_images(options_, wide, kSeed); }, "1x28x32");
  models::ModelOptions few = model_;
  few.classes = 9;
  expect_error(
      ErrorCode::kIncompatible, [&] { private_images(options_, few, kSeed); },
      "[data] the images have 10 classes, the model only 9 outputs; set model.classes");
}

TEST(LocalData, NamesTheFolderThatIsMissing) {
  expect_error(
      ErrorCode::kInvalidConfig, [] { public_images({.path = "/no/such/folder"}, {}, kSeed); },
      "/no/such/folder");
}

TEST(LocalData, TakesTheInputShapeFromTheModel) {
  EXPECT_EQ(input_shape({.channels = 3, .height = 32, .width = 48}), (data::ImageShape{3, 32, 48}));
}

TEST(LocalData, AcceptsFewerClassesThanOutputs) {
  check_classes(striped_images(3, 1), {.classes = 3});
  check_classes(striped_images(3, 1), {.classes = 10});
}

TEST(PrivateShares, GiveEveryImageToOneClient) {
  const data::ImageSet images = striped_images(300, 1);
  for (const char* partition : {"iid", "dirichlet"}) {
    const data::Shares shares = private_shares({.partition = partition}, images, 5, kSeed);
    ASSERT_EQ(shares.size(), 5U);
    std::vector<std::int64_t> all;
    for (const auto& share : shares) {
      EXPECT_FALSE(share.empty());
      all.insert(all.end(), share.begin(), share.end());
    }
    std::sort(all.begin(), all.end());
    std::vector<std::int64_t> expected(300);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected) << partition;
  }
}

TEST(PrivateShares, DependOnTheSeedAlone) {
  const data::ImageSet images = striped_images(300, 1);
  const DataOptions options;
  EXPECT_EQ(private_shares(options, images, 5, kSeed), private_shares(options, images, 5, kSeed));
  EXPECT_NE(private_shares(options, images, 5, kSeed), private_shares(options, images, 5, Seed{2}));
}

TEST(PrivateShares, SkewTheClassesByDirichlet) {
  const data::ImageSet images = striped_images(600, 1);
  const auto most_common = [&](const DataOptions& options) {
    double sum = 0;
    for (const auto& share : private_shares(options, images, 4, kSeed)) {
      const auto counts = data::class_histogram(images.select(share));
      sum += static_cast<double>(*std::max_element(counts.begin(), counts.end())) /
             static_cast<double>(share.size());
    }
    return sum / 4;
  };
  EXPECT_LT(most_common({.partition = "iid"}), 0.45);
  EXPECT_GT(most_common({.partition = "dirichlet", .dirichlet_alpha = 0.1}), 0.6);
}

}  // namespace
}  // namespace lorae::training
