#include <gtest/gtest.h>

#include "tests/report/example_runs.h"

namespace lorae::report {
namespace {

TEST(CurvesCsv, HasALineForEachRunAndRound) {
  Comparison comparison =
      comparison_of({run_of("full", 1, 0.875, 4000), run_of("a,\"b\"", 2, 0.5, 100)});
  comparison.runs[0].by_round = {{.round = RoundId{1},
                                  .metrics = {{"top1", 0.25}},
                                  .cohort = 3,
                                  .updates = 2,
                                  .uplink_bytes = 100,
                                  .downlink_bytes = 50,
                                  .control_bytes = 5,
                                  .seconds = 1.5},
                                 {.round = RoundId{2},
                                  .metrics = {{"top1", 0.5}, {"loss", 0.125}},
                                  .cohort = 3,
                                  .updates = 3,
                                  .uplink_bytes = 100,
                                  .downlink_bytes = 50}};
  comparison.runs[1].by_round = {{.round = RoundId{1}, .metrics = {}}};

  EXPECT_EQ(curves_csv(comparison),
            "name,method,seed,round,cohort,updates,uplink_bytes,downlink_bytes,control_bytes,"
            "bytes_so_far,seconds,top1,loss\n"
            "full,full,1,1,3,2,100,50,5,150,1.5,0.25,\n"
            "full,full,1,2,3,3,100,50,0,300,0,0.5,0.125\n"
            "\"a,\"\"b\"\"\",lorae,2,1,0,0,0,0,0,0,0,,\n");
}

TEST(Title, SaysWhatIsCompared) {
  const auto title = [](const std::vector<std::string>& names) {
    std::vector<ComparisonRun> runs;
    for (const std::string& name : names) {
      runs.push_back(run_of(name, 1, 0.5, 100));
    }
    return title_of(comparison_of(std::move(runs)));
  };

  EXPECT_EQ(title({"full", "a"}), "a against full");
  EXPECT_EQ(title({"a", "full", "b", "c"}), "a, b and c against full");
  EXPECT_EQ(title({"a", "b", "c", "d", "e", "full"}), "5 methods against full");
  EXPECT_EQ(title({"a", "b"}), "a and b");
  EXPECT_EQ(title({"full"}), "full");
}

}  // namespace
}  // namespace lorae::report
