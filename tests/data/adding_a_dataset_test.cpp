// docs/adding_a_dataset.md, followed literally.
#include "data/formats/open.h"
#include "data/loader.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

TEST(AddingADataset, ThePageWorks) {
  const TemporaryFolder folder;
  write_picture(folder / "a.png", 200, 0, 0);
  write_picture(folder / "deep/b.png", 0, 0, 250);
  write(folder / "train.csv", "a.png,red\ndeep/b.png,blue\n");
  write(folder / "test.csv", "deep/b.png,blue\n");

  const DatasetPtr train = open_dataset(folder.path(), 3, Split::kTrain);
  EXPECT_EQ(train->classes(), (std::vector<std::string>{"blue", "red"}));
  EXPECT_EQ(class_names(folder.path()), train->classes());
  EXPECT_EQ(labels_of(*train), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(open_dataset(folder.path(), 3, Split::kTest)->size(), 1);
  Loader loader(train, {.shape = {3, 4, 4}, .batch_size = 2, .shuffle = false}, Seed{1});
  const auto batch = loader.next();
  EXPECT_EQ(batch->images[0][0][0][0].item<int>(), 200);
  EXPECT_EQ(batch->images[1][2][0][0].item<int>(), 250);

  write(folder / "test.csv", "a.png,green\n");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { open_dataset(folder.path(), 3, Split::kTest); },
      "class 'green' is none of train.csv's");
}

}  // namespace
}  // namespace lorae::data
