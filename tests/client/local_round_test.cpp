#include "client/local_round.h"

#include <gtest/gtest.h>

#include "tests/data/files.h"

namespace lorae::client {
namespace {

namespace files = data::testing;

/// Twenty pictures of a cat and twenty of a dog, 8 x 8.
class Pictures : public testing::Test {
 protected:
  Pictures() {
    for (const char* half : {"train", "test"}) {
      for (int i = 0; i < 20; ++i) {
        files::write_picture(folder_ / str(half, "/cat/", i, ".png"), 10 * i, 20, 30);
        files::write_picture(folder_ / str(half, "/dog/", i, ".png"), 30, 20, 10 * i);
      }
    }
  }

  training::Plan plan(std::vector<std::string> classes) const {
    return {.model =
                {.classes = std::ssize(classes), .channels = 3, .height = 8, .width = 8, .pool = 1},
            .task = {.classes = std::move(classes)},
            .data = {.path = folder_.path(),
                     .public_images = 10,
                     .private_images = 20,
                     .test_images = 10},
            .training = {},
            .method = {}};
  }

  TemporaryFolder folder_;
};

TEST_F(Pictures, OfOnesOwnAreLabelledAnewForEveryPlan) {
  const ImageSource images = own_images(folder_.path(), "", "");
  using Counts = std::vector<std::int64_t>;

  const auto counts = [](const data::DatasetPtr& set) {
    return data::class_histogram(*set->in_memory());
  };
  EXPECT_EQ(counts(images(plan({"cat", "dog"}), {})), (Counts{20, 20}));
  EXPECT_EQ(counts(images(plan({"bird", "cat", "dog"}), {})), (Counts{0, 20, 20}));
  EXPECT_THROW(images(plan({"bird", "cat"}), {}), Error);
}

TEST_F(Pictures, OfAShareAreSplitAnewForEveryPlan) {
  const ImageSource images = planned_share();
  Work work;
  work.share_count = 2;
  training::Plan first = plan({"cat", "dog"});
  training::Plan second = first;
  second.seed = first.seed + 1;

  const auto before = images(first, work)->in_memory()->images;
  const auto after = images(second, work)->in_memory()->images;

  ASSERT_GT(before.size(0), 0);
  EXPECT_FALSE(before.sizes() == after.sizes() && before.equal(after));
  EXPECT_TRUE(before.equal(images(first, work)->in_memory()->images));
}

}  // namespace
}  // namespace lorae::client
