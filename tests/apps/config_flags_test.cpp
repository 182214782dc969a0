#include "apps/common/command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "apps/common/main_of.h"
#include "tests/base/support.h"

namespace lorae::apps {
namespace {

struct Job {
  std::int64_t rounds = 3;
  std::uint64_t seed = 0;
  double rate = 0.5;
  std::string name = "none";

  bool operator==(const Job&) const = default;
};

template <typename Visitor>
void visit_fields(Job& job, Visitor&& visit) {
  visit("rounds", job.rounds, between(1, 10), "to run");
  visit("seed", job.seed, anything(), "of choices");
  visit("rate", job.rate, between(0, 1), "of something");
  visit("name", job.name, anything(), "of the job");
}

/// What a program with four flags and --set makes of its command line and its file.
Job job_of(std::vector<std::string> arguments, std::string_view file = "") {
  CLI::App app;
  ConfigFlags flags(app);
  flags.number("--rounds", "job.rounds", "");
  flags.number("--seed", "job.seed", "");
  flags.number("--rate", "job.rate", "");
  flags.text("--name", "job.name", "");
  flags.text("--folder", "job.name", "", [](const std::string& name) { return "/here/" + name; });
  flags.settings();
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  app.parse(arguments);
  ConfigReader reader = ConfigReader::parse(file, "run.toml");
  flags.apply(reader);
  Job job;
  reader.read("job", job);
  reader.finish();
  return job;
}

TEST(ConfigFlags, WinOverTheFile) {
  EXPECT_EQ(job_of({"--rounds", "5"}, "[job]\nrounds = 4\nrate = 0.25"),
            (Job{.rounds = 5, .rate = 0.25}));
  EXPECT_EQ(job_of({}, "[job]\nrounds = 4"), (Job{.rounds = 4}));
}

TEST(ConfigFlags, AndSettingsAreBothHeard) {
  EXPECT_EQ(job_of({"--set", "job.rate=1", "--rounds", "7", "--set", "job.name=a", "--seed", "9"}),
            (Job{.rounds = 7, .seed = 9, .rate = 1, .name = "a"}));
}

TEST(ConfigFlags, YieldToTheLastSetting) {
  EXPECT_EQ(job_of({"--set", "job.rounds=5", "--set", "job.rounds=6", "--rounds", "7"}),
            (Job{.rounds = 6}));
}

TEST(ConfigFlags, ForATextTakeItAsItStands) {
  for (const char* name : {"7", "true", "\"x\"", "[1, 2]", "a=b", "2026-01-01", "tcp://h:1", ""}) {
    EXPECT_EQ(job_of({"--name", name}).name, name);
  }
  EXPECT_EQ(job_of({"--folder", "data"}).name, "/here/data");
}

TEST(ConfigFlags, AreNamedInMessages) {
  const auto complaint = [](std::vector<std::string> arguments) {
    return config_error([&] { job_of(std::move(arguments)); });
  };
  EXPECT_EQ(complaint({"--rounds", "0"}),
            "--rounds: job.rounds: expected a whole number in [1, 10], got 0");
  EXPECT_EQ(complaint({"--rounds", "many"}),
            "--rounds: job.rounds: expected a whole number in [1, 10], got \"many\"");
  EXPECT_EQ(complaint({"--rounds", "1.5"}),
            "--rounds: job.rounds: expected a whole number in [1, 10], got 1.5");
  EXPECT_EQ(complaint({"--rounds", "2 "}),
            "--rounds: job.rounds: expected a whole number in [1, 10], got \"2 \"");
  EXPECT_EQ(complaint({"--rate", "2"}), "--rate: job.rate: expected a number in [0, 1], got 2");
  EXPECT_EQ(complaint({"--set", "job.rounds=0"}),
            "--set: job.rounds: expected a whole number in [1, 10], got 0");
}

TEST(ConfigFlags, ThatRepeatAreAMistake) {
  EXPECT_THROW(job_of({"--rounds", "2", "--rounds", "3"}), CLI::ParseError);
}

/// Status and standard error of a program with this body.
std::pair<int, std::string> end_of(const std::function<int()>& body) {
  testing::internal::CaptureStderr();
  const int status = main_of("tool", body);
  return {status, testing::internal::GetCapturedStderr()};
}

TEST(MainOf, ReturnsTheStatusOfItsBody) {
  EXPECT_EQ(end_of([] { return 130; }), std::pair(130, std::string()));
}

TEST(MainOf, TellsAnErrorAndItsStatus) {
  EXPECT_EQ(end_of([]() -> int { fail(ErrorCode::kInvalidConfig, "[x] wrong ", 7); }),
            std::pair(78, std::string("tool: [x] wrong 7\n")));
  EXPECT_EQ(end_of([]() -> int { fail(ErrorCode::kUnavailable, "gone"); }),
            std::pair(69, std::string("tool: gone\n")));
  EXPECT_EQ(end_of([]() -> int { throw std::runtime_error("100 %s"); }),
            std::pair(70, std::string("tool: 100 %s\n")));
}

}  // namespace
}  // namespace lorae::apps
