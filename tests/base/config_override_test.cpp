#include <gtest/gtest.h>

#include <fstream>

#include "tests/base/config_options.h"
#include "tests/base/home_variables.h"

namespace lorae {
namespace {

EveryKind job_with(std::string_view assignment, std::string_view toml = "") {
  ConfigReader reader = config(toml);
  reader.set(assignment);
  return read_job(reader);
}

std::string complaint_about(std::string_view assignment) {
  return config_error([&] { job_with(assignment); });
}

TEST(ConfigOverride, WinsOverTheFile) {
  EXPECT_EQ(job_with("job.count=5", "[job]\ncount = 4\nrate = 2.0"),
            (EveryKind{.count = 5, .rate = 2.0}));
}

TEST(ConfigOverride, TakesValuesOfEveryKind) {
  EXPECT_EQ(job_with("job.fast=true").fast, true);
  EXPECT_EQ(job_with("job.rate=1e-7").rate, 1e-7);
  EXPECT_EQ(job_with("job.note=\"in quotes\"").note, "in quotes");
  EXPECT_EQ(job_with("job.labels=[4, 5]").labels, (std::vector<std::int64_t>{4, 5}));
}

TEST(ConfigOverride, TakesBareTextAsText) {
  EXPECT_EQ(job_with("job.kind=lorae").kind, "lorae");
  EXPECT_EQ(job_with("job.note=").note, "");
  EXPECT_EQ(job_with("job.note=tcp://host:7227").note, "tcp://host:7227");
  EXPECT_EQ(job_with("job.note=a=b").note, "a=b");
}

TEST(ConfigOverride, TakesTheLastOfSeveral) {
  ConfigReader reader = config("");
  reader.set("job.count=4");
  reader.set("job.count=5");

  EXPECT_EQ(read_job(reader).count, 5);
}

TEST(ConfigOverride, ReachesIntoAListOfTables) {
  ConfigReader reader = config("[[methods]]\nname = \"a\"");
  reader.set("methods.0.rank=2");
  std::vector<NamedMethod> methods;

  reader.read_list("methods", methods);

  EXPECT_EQ(methods, (std::vector<NamedMethod>{{"a", 2}}));
}

TEST(ConfigOverride, ByAFlagIsNamedAfterTheFlag) {
  ConfigReader reader = config("");
  reader.set("job.count", {std::int64_t{99}, "--count"});

  EXPECT_EQ(config_error([&] { read_job(reader); }),
            "--count: job.count: expected a whole number in [1, 10], got 99");
}

TEST(ConfigOverride, IsNamedInMessages) {
  EXPECT_EQ(complaint_about("job.count=99"),
            "--set: job.count: expected a whole number in [1, 10], got 99");
  EXPECT_EQ(complaint_about("job.cout=1"),
            "--set: job.cout: unknown key; did you mean 'job.count'?");
  EXPECT_EQ(complaint_about("job.note=2026-01-01"),
            "--set: job.note: expected a number, text, true or false; dates are not used here");
}

TEST(ConfigOverride, HasAKeyAndAValue) {
  EXPECT_EQ(complaint_about("job.count"), "--set: expected key=value, got 'job.count'");
  EXPECT_EQ(complaint_about("=3"), "--set: expected key=value, got '=3'");
  EXPECT_EQ(complaint_about(""), "--set: expected key=value, got ''");
}

TEST(ConfigOverride, CannotSmuggleInASecondKey) {
  EXPECT_EQ(job_with("job.rate=1\njob.count=9").count, EveryKind{}.count);
}

TEST(ConfigOverride, TakesATildeForTheUsersHome) {
  const HomeVariables none;
  ::setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(job_with("job.note=~/images").note, "/home/ada/images");
  EXPECT_EQ(job_with("job.note=x", "[job]\nnote = \"~/images\"").note, "x");
  EXPECT_EQ(job_with("job.count=4", "[job]\nnote = \"~/images\"").note, "~/images")
      << "what was parsed may be another machine's";
}

TEST(ConfigOverride, OfAFileTakesATildeForTheUsersHome) {
  const HomeVariables none;
  ::setenv("HOME", "/home/ada", 1);
  const TemporaryFolder folder;
  std::ofstream(folder / "run.toml") << "[job]\nnote = \"~/images\"\n";
  ConfigReader reader = ConfigReader::load(folder / "run.toml");
  EXPECT_EQ(read_job(reader).note, "/home/ada/images");
}

TEST(ConfigOverride, RefusesTextThatAConfigurationCannotHold) {
  EXPECT_NE(complaint_about("job.note=caf\xe9").find("expected UTF-8"), std::string::npos);
  ConfigReader reader = config("");
  reader.set("job.note", {std::string("/data/caf\xe9"), "--data"});
  EXPECT_EQ(config_error([&] { read_job(reader); }),
            "--data: job.note: expected UTF-8, which a configuration is kept as, got "
            "/data/caf\\xe9");
}

TEST(ConfigOverride, RefusesNumbersThatAreNone) {
  for (const char* number : {"nan", "inf", "-inf"}) {
    EXPECT_NE(complaint_about(std::string("job.rate=") + number).find("expected a number"),
              std::string::npos)
        << number;
  }
}

}  // namespace
}  // namespace lorae
