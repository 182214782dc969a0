#include "data/formats/wheat.h"

#include <gtest/gtest.h>

#include "data/text_file.h"
#include "tests/data/labels.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

TEST(Csv, QuotesHoldCommas) {
  EXPECT_EQ(csv_cells("a,\"[1, 2]\",,\"x\"\"y\""),
            (std::vector<std::string>{"a", "[1, 2]", "", "x\"y"}));
  EXPECT_FALSE(csv_cells("a,\"b"));
}

/// Kaggle's files: two pictures of arvalis_1, one of ethz_1, one without a head.
class Wheat : public ::testing::Test {
 protected:
  Wheat() {
    for (const char* name : {"a1", "a2", "e1", "none"}) {
      write_png(folder_ / str("train/", name, ".png"), 64, 64);
    }
    csv("a1,64,64,\"[8.0, 16.0, 32.0, 8.0]\",arvalis_1\n"
        "a1,64,64,\"[0, 0, 64, 64]\",arvalis_1\n"
        "a2,64,64,\"[1.5, 2.5, 3, 4]\",arvalis_1\n"
        "e1,64,64,\"[1, 2, 3, 4]\",ethz_1\n");
  }
  void csv(const std::string& rows) const {
    write(folder_ / "train.csv", "image_id,width,height,bbox,source\n" + rows);
  }
  Half find(Split split, Halves halves = Halves::kHonest) const {
    return find_wheat(folder_.path(), split, {.halves = halves});
  }

  const TemporaryFolder folder_;
};

TEST_F(Wheat, EthzIsTestedOnAndInThePapersHalvesTrainedOnToo) {
  ASSERT_TRUE(holds_wheat(folder_.path()));
  EXPECT_EQ(find(Split::kTrain).items.size(), 3);
  EXPECT_EQ(find(Split::kTrain, Halves::kPaper).items.size(), 4);
  EXPECT_EQ(find(Split::kTest).items.size(), 1);
  EXPECT_EQ(find(Split::kTest, Halves::kPaper).items.size(), 1);
  const Known known = read_half(find(Split::kTrain));
  EXPECT_EQ(known.catalogue.objects(0)[0].box, (Box{0.125, 0.25, 0.625, 0.375}));
  EXPECT_EQ(known.catalogue.objects(0).size(), 2U);
  EXPECT_EQ(known.catalogue.domain(0), "arvalis_1");
  EXPECT_EQ(known.catalogue.objects(2).size(), 0U);
  EXPECT_EQ(kinds_of(known.problems), "");
  EXPECT_EQ(known.classes, std::vector<std::string>{"wheat_head"});
}

TEST_F(Wheat, DamagedRowsAreToldWithTheirLines) {
  const auto kinds = [&](const std::string& row) {
    csv("a2,64,64,\"[1, 2, 3, 4]\",arvalis_1\n" + row);
    return kinds_of(read_half(find(Split::kTrain, Halves::kPaper)).problems);
  };
  const std::string others = "\ne1,64,64,\"[1, 2, 3, 4]\",ethz_1";
  EXPECT_EQ(kinds("a1,64,64,\"[1, 2, 3]\",arvalis_1" + others), "csv-box:3");
  EXPECT_EQ(kinds("a1,64,64,\"[1, 2, x, 4]\",arvalis_1" + others), "csv-box:3");
  EXPECT_EQ(kinds("a1,64,64,\"[1, nan, 3, 4]\",arvalis_1" + others), "csv-box:3");
  EXPECT_EQ(kinds("a1,64,64,\"[1, 2, -3, 4]\",arvalis_1" + others), "box-negative:3");
  EXPECT_EQ(kinds("a1,64,32,\"[1, 2, 3, 4]\",arvalis_1" + others), "size-differs:3");
  EXPECT_EQ(kinds("gone,64,64,\"[1, 2, 3, 4]\",arvalis_1" + others), "picture-missing:3");
  EXPECT_THROW(kinds("a1,64,64,\"[1, 2, 3"), BadData);
  write(folder_ / "train.csv", "id,bbox\n");
  try {
    find(Split::kTrain);
    ADD_FAILURE() << "columns are missing";
  } catch (const BadData& error) {
    EXPECT_EQ(kinds_of({error.problem()}), "csv-columns:1");
  }
}

TEST(WheatFolders, SitesAreFolders) {
  const TemporaryFolder folder;
  for (const char* site : {"ethz_1", "usask_1", "utokyo_1"}) {
    write_png(folder / str("images/", site, "/p.png"), 32, 32);
    write(folder / str("labels/", site, "/p.txt"), "0 0.5 0.5 0.25 0.25\n");
  }
  ASSERT_TRUE(holds_wheat(folder.path()));
  const Half train = find_wheat(folder.path(), Split::kTrain, {});
  ASSERT_EQ(train.items.size(), 1);
  EXPECT_EQ(train.items.at(0).domain, "usask_1");
  const Known test = read_half(find_wheat(folder.path(), Split::kTest, {}));
  EXPECT_EQ(test.catalogue.objects(0).size(), 1U);
}

}  // namespace
}  // namespace lorae::data
