#include "training/shares.h"

#include <numeric>
#include <set>

#include "base/digest.h"
#include "data/domains.h"
#include "data/formats/fashion_mnist.h"
#include "tensors/torch.h"
#include "tests/data/files.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"

namespace lorae::training {
namespace {

using lorae::testing::expect_error;
using testing::striped_set;

constexpr const char* kInstalled = "/usr/share/datasets/fashion-mnist";
constexpr Seed kSeed{1};

bool same_images(const data::ImageSet& a, const data::DatasetPtr& b) {
  return a.images.equal(b->in_memory()->images) && a.labels.equal(b->in_memory()->labels);
}

/// The digest of each image's pixels.
std::set<Digest> digests(const data::DatasetPtr& from) {
  const data::ImageSet& set = *from->in_memory();
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
  options_.shift = Shift::kNone;
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
  options_.shift = Shift::kRotateInvert;
  const auto known = public_images(options_, model_, kSeed);
  const auto secret = private_images(options_, model_, kSeed);
  const auto test = test_images(options_, model_, kSeed);
  options_.shift = Shift::kNone;
  EXPECT_TRUE(same_images(*known->in_memory(), public_images(options_, model_, kSeed)));
  EXPECT_TRUE(same_images(
      data::shifted_domain(*private_images(options_, model_, kSeed)->in_memory()), secret));
  EXPECT_TRUE(
      same_images(data::shifted_domain(*test_images(options_, model_, kSeed)->in_memory()), test));
}

TEST_F(FashionData, DependsOnTheSeedAlone) {
  EXPECT_TRUE(same_images(*private_images(options_, model_, kSeed)->in_memory(),
                          private_images(options_, model_, kSeed)));
  EXPECT_FALSE(same_images(*private_images(options_, model_, kSeed)->in_memory(),
                           private_images(options_, model_, Seed{2})));
  EXPECT_FALSE(same_images(*test_images(options_, model_, kSeed)->in_memory(),
                           test_images(options_, model_, Seed{2})));
}

TEST_F(FashionData, TestsOnTheTestHalf) {
  options_.shift = Shift::kNone;
  options_.test_images = 10000;
  EXPECT_EQ(test_images(options_, model_, kSeed)->size(), 10000);
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

TEST_F(FashionData, IsFittedToTheModelsSizeAndChannels) {
  models::ModelOptions large = model_;
  large.channels = 3;
  large.height = large.width = 32;
  EXPECT_EQ(private_images(options_, large, kSeed)->in_memory()->shape(),
            (data::ImageShape{3, 32, 32}));
}

TEST_F(FashionData, RefusesAModelWithTooFewOutputs) {
  models::ModelOptions few = model_;
  few.classes = 9;
  expect_error(
      ErrorCode::kIncompatible, [&] { private_images(options_, few, kSeed); },
      "[data] the images have 10 classes, the model only 9 outputs for classes; set model.classes");
}

/// The pixels of a set, in any order.
std::multiset<Digest> all_digests(const data::DatasetPtr& from) {
  const data::ImageSet& set = *from->in_memory();
  std::multiset<Digest> all;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    all.merge(std::multiset<Digest>{digest_of(StateDict({{"x", set.images[i].contiguous()}}))});
  }
  return all;
}

/// Data sets of every kind that somebody may bring, each with a model that takes it.
class BroughtData : public ::testing::Test {
 protected:
  struct Kind {
    std::string name;
    models::ModelOptions model;
  };

  BroughtData() {
    namespace files = data::testing;
    for (const char* half : {"train", "t10k"}) {
      files::write(folder_ / str("idx/", half, "-images-idx3-ubyte"), files::idx_images(40, 8, 8));
      files::write(folder_ / str("idx/", half, "-labels-idx1-ubyte"), files::idx_labels(40));
    }
    files::write_cifar10(folder_ / "cifar", 20);
    for (const char* half : {"train", "test"}) {
      for (int i = 0; i < 20; ++i) {
        files::write_picture(folder_ / str("pictures/", half, "/cat/", i, ".png"), 10 * i, 20, 30);
        files::write_picture(folder_ / str("pictures/", half, "/dog/", i, ".png"), 30, 20, 10 * i);
      }
    }
  }

  TemporaryFolder folder_;
  std::vector<Kind> kinds_ = {
      {"idx", {.classes = 10, .channels = 1, .height = 8, .width = 8, .pool = 1}},
      {"cifar", {.classes = 10, .channels = 3, .height = 32, .width = 32, .pool = 1}},
      {"pictures", {.classes = 2, .channels = 3, .height = 8, .width = 8, .pool = 1}}};
};

TEST_F(BroughtData, IsNeverAlteredAndSeenAlikeInTrainingAndEvaluation) {
  for (const Kind& kind : kinds_) {
    const std::string path = folder_ / kind.name;
    const DataOptions options{
        .path = path, .public_images = 15, .private_images = 10, .test_images = 12};
    const auto shape = input_shape(kind.model);
    const auto train = all_digests(
        data::held_if_small(data::open_dataset(path, shape.channels, data::Split::kTrain), shape));
    const auto test = all_digests(
        data::held_if_small(data::open_dataset(path, shape.channels, data::Split::kTest), shape));
    const auto is_part_of = [](const std::multiset<Digest>& whole, const data::DatasetPtr& part) {
      const auto digests = all_digests(part);
      return std::includes(whole.begin(), whole.end(), digests.begin(), digests.end());
    };

    EXPECT_TRUE(is_part_of(train, public_images(options, kind.model, kSeed))) << kind.name;
    EXPECT_TRUE(is_part_of(train, private_images(options, kind.model, kSeed))) << kind.name;
    EXPECT_TRUE(is_part_of(test, test_images(options, kind.model, kSeed))) << kind.name;
    const Plan plan{.model = kind.model,
                    .task = {.classes = class_names(options)},
                    .data = options,
                    .training = {},
                    .method = {}};
    const auto own = own_images(path, {}, {}, plan);
    EXPECT_EQ(all_digests(own), train) << kind.name;
    EXPECT_EQ(own->classes(), plan.task.classes) << kind.name;
  }
}

TEST_F(BroughtData, CannotBeShifted) {
  for (const Kind& kind : kinds_) {
    DataOptions options{.path = folder_ / kind.name, .shift = Shift::kRotateInvert};
    const auto refuses = [&](auto action) {
      expect_error(ErrorCode::kInvalidConfig, action, "never altered: set data.shift = \"none\"");
    };
    refuses([&] { public_images(options, kind.model, kSeed); });
    refuses([&] { private_images(options, kind.model, kSeed); });
    refuses([&] { test_images(options, kind.model, kSeed); });
    refuses([&] { class_names(options); });
  }
}

TEST_F(BroughtData, DoesNotFitARunWhoseImagesAreShifted) {
  const Plan demonstration{.model = kinds_[0].model,
                           .task = {.classes = data::class_names(folder_ / "idx")},
                           .data = {.shift = Shift::kRotateInvert},
                           .training = {},
                           .method = {}};
  expect_error(
      ErrorCode::kInvalidConfig, [&] { own_images(folder_ / "idx", {}, {}, demonstration); },
      "this run is the demonstration");
}

TEST_F(BroughtData, IsLabelledByTheRunsNames) {
  const Plan plan{.model = kinds_[2].model,
                  .task = {.classes = {"DOG", "bird", "cat"}},
                  .data = {.path = folder_ / "pictures"},
                  .training = {},
                  .method = {}};
  const auto images = own_images(folder_ / "pictures", {}, {}, plan);
  EXPECT_EQ(data::class_histogram(*images->in_memory()), (std::vector<std::int64_t>{20, 0, 20}));
  expect_error(
      ErrorCode::kInvalidConfig,
      [&] {
        own_images(folder_ / "idx", {}, {},
                   {.model = kinds_[0].model,
                    .task = plan.task,
                    .data = {},
                    .training = {},
                    .method = {}});
      },
      "is none of the run's");
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
  check_classes(*striped_set(3, 1), {.classes = 3});
  check_classes(*striped_set(3, 1), {.classes = 10});
}

TEST(PrivateShares, GiveEveryImageToOneClient) {
  const data::DatasetPtr images = striped_set(300, 1);
  for (const data::Deal partition : {data::Deal::kIid, data::Deal::kDirichlet}) {
    const data::Shares shares = private_shares({.partition = partition}, *images, 5, kSeed);
    ASSERT_EQ(shares.size(), 5U);
    std::vector<std::int64_t> all;
    for (const auto& share : shares) {
      EXPECT_FALSE(share.empty());
      all.insert(all.end(), share.begin(), share.end());
    }
    std::sort(all.begin(), all.end());
    std::vector<std::int64_t> expected(300);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected) << name_of(partition);
  }
}

TEST(PrivateShares, GoByDomainsOfImagesThatAreHeldInMemory) {
  std::vector<std::string> sites;
  for (int i = 0; i < 300; ++i) {
    sites.push_back(i % 4 == 0 ? "north" : "south");
  }
  auto images = data::with_domains(striped_set(300, 1), sites);
  std::vector<std::int64_t> half(150);
  std::iota(half.begin(), half.end(), 100);
  images = data::held_if_small(data::subset(images, half), {1, 4, 4});
  const data::Shares shares = private_shares({.partition = data::Deal::kDomain}, *images, 2, kSeed);
  ASSERT_EQ(shares.size(), 2U);
  EXPECT_EQ(shares[0].size() + shares[1].size(), 150U);
  for (const auto& share : shares) {
    for (const std::int64_t index : share) {
      EXPECT_EQ(images->domain(index), images->domain(share.front()));
    }
  }
}

TEST(PrivateShares, DependOnTheSeedAlone) {
  const data::DatasetPtr images = striped_set(300, 1);
  const DataOptions options;
  EXPECT_EQ(private_shares(options, *images, 5, kSeed), private_shares(options, *images, 5, kSeed));
  EXPECT_NE(private_shares(options, *images, 5, kSeed),
            private_shares(options, *images, 5, Seed{2}));
}

TEST(PrivateShares, SkewTheClassesByDirichlet) {
  const data::DatasetPtr images = striped_set(600, 1);
  const auto most_common = [&](const DataOptions& options) {
    double sum = 0;
    for (const auto& share : private_shares(options, *images, 4, kSeed)) {
      const auto counts = data::class_histogram(*images, share);
      sum += static_cast<double>(*std::max_element(counts.begin(), counts.end())) /
             static_cast<double>(share.size());
    }
    return sum / 4;
  };
  EXPECT_LT(most_common({.partition = data::Deal::kIid}), 0.45);
  EXPECT_GT(most_common({.partition = data::Deal::kDirichlet, .dirichlet_alpha = 0.1}), 0.6);
}

}  // namespace
}  // namespace lorae::training
