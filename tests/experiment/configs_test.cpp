// Every file in configs/ is loaded, and printed and read back without a change.
#include <gtest/gtest.h>

#include <filesystem>

#include "apps/client/options.h"
#include "experiment/run_config.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;

TEST(Configs, EachOneLoadsAndSurvivesPrinting) {
  int loaded = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(LORAE_SOURCE) / "configs")) {
    ConfigReader reader = ConfigReader::load(entry.path());
    if (entry.path().stem() == "client") {
      apps::ClientOptions options;
      reader.read("", options);
      reader.finish();
      EXPECT_FALSE(options.name.empty());
      continue;
    }
    const std::string text = print_run_config(read_run_config(reader));
    ConfigReader again = ConfigReader::parse(text, "printed");
    EXPECT_EQ(print_run_config(read_run_config(again)), text) << entry.path();
    ++loaded;
  }
  EXPECT_GE(loaded, 2);
}

TEST(Configs, MethodsAreFoundByName) {
  const RunConfig config;

  EXPECT_EQ(find_method(config, "").name, "lorae-r8");
  EXPECT_EQ(find_method(config, "lorae-r8").kind, adapters::Kind::kLorae);
  EXPECT_THROW(find_method(config, "unknown"), Error);
}

TEST(Configs, ACohortLargerThanTheFederationIsRefused) {
  ConfigReader reader =
      ConfigReader::parse("[federation]\nclients = 4\nmin_clients = 2\ncohort = 5\n", "run.toml");

  try {
    read_run_config(reader);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "run.toml:4: federation.cohort: expected at most federation.clients (4), got 5");
  }
}

}  // namespace
}  // namespace lorae::experiment
