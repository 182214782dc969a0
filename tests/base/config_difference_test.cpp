#include "base/config_difference.h"

#include <gtest/gtest.h>

namespace lorae {
namespace {

TEST(ConfigDifference, NamesWhatIsOtherMissingOrNewInTheOrderOfKeys) {
  const auto found =
      differences({{"a", "1"}, {"b", "2"}, {"c", "3"}}, {{"b", "2"}, {"c", "4"}, {"d", "5"}});
  EXPECT_EQ(text_of(found), "a 1 -> , c 3 -> 4, d  -> 5");
  EXPECT_TRUE(differences({{"a", "1"}}, {{"a", "1"}}).empty());
}

}  // namespace
}  // namespace lorae
