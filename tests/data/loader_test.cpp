#include "data/loader.h"

#include <set>

#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr ImageShape kShape{3, 6, 6};

/// 23 pictures of two classes, each of its own red.
class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    for (int i = 0; i < 23; ++i) {
      write_picture(folder_ / str(i % 2 == 0 ? "cat/" : "dog/", 100 + i, ".png"), 10 * i, 0, 0);
    }
    set_ = open_dataset(folder_.path(), 3, Split::kTrain);
  }

  LoaderOptions options(std::int64_t workers, Augmentation augment = {}) const {
    return {.shape = kShape,
            .batch_size = 5,
            .workers = workers,
            .prepare = stretching(std::move(augment))};
  }

  /// Everything that an epoch gives.
  static std::pair<at::Tensor, std::vector<std::int64_t>> epoch(Loader& loader,
                                                                std::int64_t number,
                                                                std::int64_t first = 0) {
    std::vector<at::Tensor> images;
    std::vector<std::int64_t> indices;
    loader.start(number, first);
    while (const auto batch = loader.next()) {
      images.push_back(batch->images);
      indices.insert(indices.end(), batch->indices.begin(), batch->indices.end());
    }
    return {at::cat(images), indices};
  }

  TemporaryFolder folder_;
  DatasetPtr set_;
};

TEST_F(LoaderTest, GivesEveryPictureOnceAnEpoch) {
  Loader loader(set_, options(0), Seed{1});
  EXPECT_EQ(loader.batches(), 5);
  const auto [images, indices] = epoch(loader, 0);
  EXPECT_EQ(images.sizes(), (std::vector<std::int64_t>{23, 3, 6, 6}));
  EXPECT_EQ(std::set(indices.begin(), indices.end()).size(), 23U);
  for (std::int64_t i = 0; i < 23; ++i) {
    const Sample sample = set_->get(indices[static_cast<std::size_t>(i)]);
    EXPECT_EQ(images[i][0][0][0].item<int>(), sample.image[0][0][0].item<int>());
  }
}

TEST_F(LoaderTest, GivesTheSameHoweverManyWorkersDecode) {
  const Augmentation noisy = [](const at::Tensor& image, Random& random) {
    return image.bitwise_xor(static_cast<std::int64_t>(random.below(256)));
  };
  for (const Augmentation& augment : {Augmentation{}, noisy}) {
    Loader alone(set_, options(0, augment), Seed{1});
    for (const std::int64_t workers : {1, 2, 4}) {
      Loader many(set_, options(workers, augment), Seed{1});
      for (const std::int64_t number : {0, 1, 7}) {
        const auto [images, indices] = epoch(many, number);
        const auto [expected, order] = epoch(alone, number);
        EXPECT_TRUE(torch::equal(images, expected)) << workers << " workers, epoch " << number;
        EXPECT_EQ(indices, order);
      }
    }
  }
}

TEST_F(LoaderTest, OrdersAndChangesEveryEpochAnew) {
  Loader loader(set_, options(2), Seed{1});
  EXPECT_NE(epoch(loader, 0).second, epoch(loader, 1).second);
  Loader other(set_, options(2), Seed{2});
  EXPECT_NE(epoch(loader, 0).second, epoch(other, 0).second);
}

TEST_F(LoaderTest, BeginsAnywhereInAnEpoch) {
  Loader loader(set_, options(2), Seed{1});
  const at::Tensor whole = epoch(loader, 3).first;
  loader.start(3);
  loader.next();  // what is left of it is dropped
  EXPECT_TRUE(torch::equal(epoch(loader, 3, 2).first, whole.slice(0, 10)));
}

TEST_F(LoaderTest, KeepsTheOrderOfTheSetIfItIsNotToShuffle) {
  LoaderOptions plain = options(2);
  plain.shuffle = false;
  Loader loader(set_, plain, Seed{1});
  const auto indices = epoch(loader, 4).second;
  EXPECT_TRUE(std::is_sorted(indices.begin(), indices.end()));
}

TEST_F(LoaderTest, CutsASetInMemoryLikeOneInFiles) {
  Loader files(set_, options(0), Seed{1});
  Loader memory(held_if_small(set_, kShape), options(0), Seed{1});
  EXPECT_TRUE(torch::equal(epoch(files, 0).first, epoch(memory, 0).first));
}

TEST_F(LoaderTest, NamesADamagedPictureWhenItsBatchIsAskedFor) {
  write(folder_ / "cat/108.png", "damaged");
  for (const std::int64_t workers : {0, 3}) {
    LoaderOptions plain = options(workers);
    plain.shuffle = false;
    Loader loader(set_, plain, Seed{1});
    expect_error(
        ErrorCode::kCorruptData,
        [&] {
          while (loader.next()) {
          }
        },
        "cannot decode image", "cat/108.png'");
  }
}

}  // namespace
}  // namespace lorae::data
