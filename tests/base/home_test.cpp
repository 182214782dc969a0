#include "base/home.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "tests/base/support.h"

namespace lorae {
namespace {

/// Sets the three variables, and puts them back in the end.
class Home : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"LORAE_HOME", "XDG_STATE_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
  }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(Home, IsLoraeHomeFirst) {
  ::setenv("LORAE_HOME", "/srv/lorae", 1);
  ::setenv("XDG_STATE_HOME", "/state", 1);
  ::setenv("HOME", "/home/ada", 1);

  EXPECT_EQ(default_home(), "/srv/lorae");
}

TEST_F(Home, IsInTheStateFolderOfTheDesktopNext) {
  ::setenv("XDG_STATE_HOME", "/state", 1);
  ::setenv("HOME", "/home/ada", 1);

  EXPECT_EQ(default_home(), "/state/lorae");
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
}

TEST_F(Home, SaysWhatToDoWithoutAnyVariable) {
  EXPECT_EQ(config_error([] { default_home(); }),
            "[home] no HOME in the environment; set LORAE_HOME or give --home");
}

}  // namespace
}  // namespace lorae
