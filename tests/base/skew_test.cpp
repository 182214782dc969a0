#include "base/skew.h"

#include <gtest/gtest.h>

namespace lorae {
namespace {

TEST(Skew, IsTheMeanTotalVariation) {
  EXPECT_DOUBLE_EQ(skew_of({{1, 1}, {1, 1}}), 0);
  EXPECT_DOUBLE_EQ(skew_of({{2, 0}, {0, 2}}), 0.5);
  EXPECT_DOUBLE_EQ(skew_of({{2, 0}, {0, 2}, {0, 0}}), 0.5) << "who has nothing is left out";
  EXPECT_DOUBLE_EQ(skew_of({{3, 1}, {0, 4}}), (0.375 + 0.375) / 2);
  EXPECT_DOUBLE_EQ(skew_of({}), 0);
}

TEST(Skew, TakesClassesThatAClientDoesNotReachAsNone) {
  EXPECT_DOUBLE_EQ(skew_of({{2}, {0, 2}}), 0.5);
}

}  // namespace
}  // namespace lorae
