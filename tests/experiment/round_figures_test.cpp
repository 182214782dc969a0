#include "experiment/round_figures.h"

#include "base/atomic_file.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;
using training::testing::backbone_of;
using training::testing::small_plan;
using training::testing::striped_set;

class RoundFiguresTest : public ::testing::Test {
 protected:
  /// The files of figures after the rounds were measured.
  std::vector<std::string> kept(const fs::path& folder,
                                RoundId last,
                                const std::vector<std::uint64_t>& rounds) {
    RoundFigures figures(folder, last, test_);
    for (const std::uint64_t round : rounds) {
      const Metrics metrics = figures.measure(RoundId{round}, learner_, {});
      EXPECT_EQ(metrics, learner_.evaluate(test_));
    }
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  const training::Plan plan_ = small_plan("lorae");
  const data::DatasetPtr test_ = striped_set(20, 3);
  training::Learner learner_{plan_, backbone_of(plan_, 1)};
  TemporaryFolder folder_;
};

TEST_F(RoundFiguresTest, AreOfTheFirstAMiddleAndTheLastModel) {
  EXPECT_EQ(kept(folder_.path(), RoundId{7}, {0, 1, 2, 3, 4, 5, 6, 7}),
            (std::vector<std::string>{"figures-000000.json", "figures-000004.json",
                                      "figures-000007.json", "predictions-000000.jpg",
                                      "predictions-000004.jpg", "predictions-000007.jpg"}));
  const Bytes text = read_file(folder_ / "figures-000007.json");
  const Figures figures = parse_figures(text_of(text)).value();
  EXPECT_EQ(figures.metrics.find("top1"), learner_.evaluate(test_).find("top1"));
  EXPECT_EQ(figures.by_class.size(), 3U);
  std::int64_t pictures = 0;
  for (const Confusion::Pair& pair : figures.confusion->pairs) {
    pictures += pair.count;
  }
  EXPECT_EQ(pictures, 20);
}

TEST_F(RoundFiguresTest, AreOfWhatIsMeasuredIfRoundsArePassedOver) {
  EXPECT_EQ(kept(folder_.path(), RoundId{9}, {2, 6, 8, 9}),
            (std::vector<std::string>{"figures-000006.json", "figures-000009.json",
                                      "predictions-000006.jpg", "predictions-000009.jpg"}));
}

TEST_F(RoundFiguresTest, ThatCannotBeWrittenDoNotEndTheRun) {
  write_file_atomic(folder_ / "file", std::string_view("no folder"));
  RoundFigures figures(folder_ / "file/run", RoundId{1}, test_);
  EXPECT_FALSE(figures.measure(RoundId{1}, learner_, {}).empty());
}

}  // namespace
}  // namespace lorae::experiment
