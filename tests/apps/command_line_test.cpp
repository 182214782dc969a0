#include "apps/common/command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "apps/common/output.h"
#include "base/log.h"
#include "tests/base/home_variables.h"
#include "tests/base/support.h"

namespace lorae::apps {
namespace {

TEST(CommandLine, TakesATildeForTheUsersHome) {
  const HomeVariables none;
  ::setenv("HOME", "/home/ada", 1);
  CLI::App app;
  std::string out, name;
  app.add_option("--out", out);
  app.add_option("NAME", name);
  EXPECT_FALSE(parse(app, {"program", "--out=~/results", "~/x"}));
  EXPECT_EQ(out, "/home/ada/results");
  EXPECT_EQ(name, "/home/ada/x");
  EXPECT_FALSE(parse(app, {"program", "--out", "a=~/b", "c~"}));
  EXPECT_EQ(out, "a=~/b");
  EXPECT_EQ(name, "c~");
}

TEST(CommandLine, EndsAfterTheVersionAndAfterAMistake) {
  CLI::App version;
  testing::internal::CaptureStdout();
  EXPECT_EQ(parse(version, {"program", "--version"}), 0);
  EXPECT_TRUE(testing::internal::GetCapturedStdout().starts_with("LoRAE "));
  CLI::App mistaken;
  testing::internal::CaptureStderr();
  EXPECT_GT(parse(mistaken, {"program", "--nothing"}).value_or(0), 100);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("--nothing"), std::string::npos);
}

TEST(CommandLine, TakesTheLogsFormatBeforeAndBehindASubcommand) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"program", "--log-format", "json", "make", "it"},
        {"program", "make", "it", "--log-format=json"}}) {
    CLI::App app;
    LogFormat seen = LogFormat::kText;
    CLI::App* it = app.add_subcommand("make", "")->add_subcommand("it", "");
    it->callback([&] { seen = log_format(); });
    EXPECT_FALSE(parse(app, words));
    EXPECT_EQ(seen, LogFormat::kJson);
    set_log_format(LogFormat::kText);
  }
  CLI::App other;
  testing::internal::CaptureStderr();
  EXPECT_GT(parse(other, {"program", "--log-format", "xml"}).value_or(0), 100);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("xml"), std::string::npos);

  ::setenv("LORAE_LOG_FORMAT", "json", 1);
  CLI::App by_environment;
  EXPECT_FALSE(parse(by_environment, {"program"}));
  ::unsetenv("LORAE_LOG_FORMAT");
  EXPECT_EQ(log_format(), LogFormat::kJson);
  set_log_format(LogFormat::kText);
}

TEST(HomeFlag, AsksTheEnvironmentOnlyWhenItIsNeeded) {
  const HomeVariables none;
  CLI::App app;
  const HomeFlag home(app, "keys");
  EXPECT_FALSE(parse(app, {"program"}));
  EXPECT_FALSE(home.given());
  EXPECT_NE(config_error([&] { home.folder(); }).find("no HOME"), std::string::npos);
  ::setenv("LORAE_HOME", "/srv/lorae", 1);
  EXPECT_EQ(home.folder(), "/srv/lorae");
  EXPECT_FALSE(parse(app, {"program", "--home", "/other"}));
  EXPECT_TRUE(home.given());
  EXPECT_EQ(home.folder(), "/other");
  EXPECT_FALSE(parse(app, {"program", "--home", ""}));
  EXPECT_NE(config_error([&] { home.folder(); }).find("expected a folder"), std::string::npos);
}

TEST(OwnFolder, IsAbsentEmptyOrMarked) {
  const TemporaryFolder folder;
  expect_own_folder(folder / "absent", "config.toml", "a training");
  expect_own_folder(folder.path(), "config.toml", "a training");
  std::filesystem::create_directory(folder / "x");
  EXPECT_NE(config_error([&] {
              expect_own_folder(folder.path(), "config.toml", "a training");
            }).find("not those of a training (no config.toml)"),
            std::string::npos);
  std::filesystem::create_directory(folder / "config.toml");
  expect_own_folder(folder.path(), "config.toml", "a training");
}

}  // namespace
}  // namespace lorae::apps
