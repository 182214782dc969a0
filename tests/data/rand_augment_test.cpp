#include "data/rand_augment.h"

#include <gtest/gtest.h>

#include <set>

#include "base/seed.h"
#include "data/augment.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

/// Two colours and a gradient, uint8 [24, 32, channels].
at::Tensor picture(std::int64_t channels) {
  at::Tensor image = torch::empty({24, 32, channels}, torch::kUInt8);
  for (std::int64_t c = 0; c < channels; ++c) {
    image.select(2, c).copy_(torch::arange(24 * 32).reshape({24, 32}) % 200 + 10 * c + 20);
  }
  return image;
}

TEST(RandAugment, KeepsSizeAndTypeAndRepeatsForASeed) {
  for (const std::int64_t channels : {1, 3}) {
    const at::Tensor image = picture(channels), before = image.clone();
    std::set<std::int64_t> sums;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      Random random(seed), again(seed);
      const at::Tensor changed = rand_augmented(image, 2, 0.5, random);
      EXPECT_EQ(changed.sizes(), image.sizes());
      EXPECT_EQ(changed.scalar_type(), torch::kUInt8);
      EXPECT_TRUE(changed.equal(rand_augmented(image, 2, 0.5, again))) << seed;
      sums.insert(changed.to(torch::kInt64).sum().item<std::int64_t>());
    }
    EXPECT_TRUE(image.equal(before)) << "the picture itself is not written to";
    EXPECT_GT(sums.size(), 30U) << "different seeds change differently";
  }
}

TEST(RandAugment, WithoutStrengthOnlyStretchesAndEqualises) {
  // Every other change of strength 0 is none.
  const at::Tensor image = picture(3);
  int same = 0;
  for (std::uint64_t seed = 0; seed < 70; ++seed) {
    Random random(seed);
    same += (rand_augmented(image, 1, 0, random).to(torch::kInt) - image.to(torch::kInt))
                        .abs()
                        .max()
                        .item<int>() <= 1
                ? 1
                : 0;
  }
  EXPECT_GT(same, 45);
  EXPECT_LT(same, 70);
}

TEST(Erasing, LeavesAPictureInWhichNoRectangleFits) {
  AugmentOptions options = kNoAugmentation;
  options.erasing = 1;
  const Augmentation augment = make_augmentation(options);
  const at::Tensor thin = torch::full({2, 200, 3}, 7, torch::kUInt8);
  int whole = 0, erased = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random = Seed{seed}.random();
    const auto grey = augment(thin, random).ne(7).sum().item<std::int64_t>();
    whole += grey == thin.numel() ? 1 : 0;
    erased += grey > 0 ? 1 : 0;
  }
  EXPECT_EQ(whole, 0);
  EXPECT_GT(erased, 0);
}

TEST(RandAugment, IsPartOfTheAugmentation) {
  const Augmentation augment =
      make_augmentation({.crop_area = 1, .flip = 0, .rand_augment = 3, .rand_magnitude = 1});
  ASSERT_TRUE(augment);
  Random random(1);
  EXPECT_FALSE(augment(picture(3), random).equal(picture(3)));
  EXPECT_FALSE(make_augmentation(kNoAugmentation));
}

}  // namespace
}  // namespace lorae::data
