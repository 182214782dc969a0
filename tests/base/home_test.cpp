#include "base/home.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/base/home_variables.h"
#include "tests/base/support.h"

namespace lorae {
namespace {

class Home : public testing::Test {
  const HomeVariables none_;
};

TEST_F(Home, IsLoraeHomeFirst) {
  ::setenv("LORAE_HOME", "/srv/lorae", 1);
  ::setenv("XDG_STATE_HOME", "/state", 1);
  ::setenv("HOME", "/home/ada", 1);

  EXPECT_EQ(default_home(), "/srv/lorae");
  EXPECT_EQ(default_home_variable(), "LORAE_HOME");
}

TEST_F(Home, IsInTheStateFolderOfTheDesktopNext) {
  ::setenv("XDG_STATE_HOME", "/state", 1);
  ::setenv("HOME", "/home/ada", 1);

  EXPECT_EQ(default_home(), "/state/lorae");
  EXPECT_EQ(default_home_variable(), "XDG_STATE_HOME");
}

TEST_F(Home, IsInTheUsersHomeLast) {
  ::setenv("HOME", "/home/ada", 1);

  EXPECT_EQ(default_home(), "/home/ada/.local/state/lorae");
}

TEST_F(Home, PassesOverEmptyVariables) {
  ::setenv("LORAE_HOME", "", 1);
  ::setenv("XDG_STATE_HOME", "", 1);
  ::setenv("HOME", "/home/ada", 1);

  EXPECT_EQ(default_home(), "/home/ada/.local/state/lorae");
  EXPECT_EQ(default_home_variable(), "HOME");
}

TEST_F(Home, SaysWhatToDoWithoutAnyVariable) {
  EXPECT_EQ(default_home_variable(), "");
  EXPECT_EQ(config_error([] { default_home(); }),
            "[home] no HOME in the environment; set LORAE_HOME or give --home");
}

TEST_F(Home, StandsForATildeAtTheBeginning) {
  ::setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(expand_user("~"), "/home/ada");
  EXPECT_EQ(expand_user("~/images"), "/home/ada/images");
  for (const char* other : {"", "images/~", "~bob/images", "/~/x", "a~"}) {
    EXPECT_EQ(expand_user(other), other);
  }
  ::setenv("LORAE_HOME", "~/lorae", 1);
  EXPECT_EQ(default_home(), "/home/ada/lorae");
}

TEST_F(Home, LeavesATildeIfThereIsNone) {
  EXPECT_EQ(expand_user("~/images"), "~/images");
}

}  // namespace
}  // namespace lorae
