#include "base/config_reader.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/text.h"
#include "tests/base/config_options.h"

namespace lorae {
namespace {

TEST(ConfigReader, ReadsFieldsOfEveryKind) {
  const EveryKind job = read_job(config(R"([job]
fast = true
count = 7
seed = 42
rate = 1e-3
note = "a \"b\" \\ c"
kind = "lorae"
labels = [3, 5]
)"));

  EXPECT_EQ(job, (EveryKind{true, 7, 42, 1e-3, "a \"b\" \\ c", "lorae", {3, 5}}));
}

TEST(ConfigReader, KeepsTheDefaultsOfAbsentKeys) {
  EXPECT_EQ(read_job(config("")), EveryKind{});
  EXPECT_EQ(read_job(config("[job]\ncount = 4")), (EveryKind{.count = 4}));
}

TEST(ConfigReader, ReadsTheTopLevelAsTheEmptySection) {
  ConfigReader reader = config("rank = 4");
  NamedMethod named;

  reader.read("", named);
  reader.finish();

  EXPECT_EQ(named.rank, 4);
}

TEST(ConfigReader, TakesAWholeNumberWhereANumberIsExpected) {
  EXPECT_EQ(read_job(config("[job]\nrate = 2")).rate, 2.0);
}

TEST(ConfigReader, TakesBytesWithAUnitOrWithout) {
  EXPECT_EQ(read_job(config("[job]\nmost = \"2 kB\"")).most.value, 2000);
  EXPECT_EQ(read_job(config("[job]\nmost = 2000")).most.value, 2000);
  EXPECT_EQ(complaint("most = \"2 KB\""),
            "run.toml:2: job.most: expected a number of bytes, such as 2000 or \"2 kB\", got "
            "\"2 KB\"");
  EXPECT_EQ(complaint("most = \"2 MB\""),
            "run.toml:2: job.most: expected a number of bytes in [0, 1000000], got \"2 MB\"");
  EXPECT_NE(complaint("most = 1.5").find("expected a number of bytes"), std::string::npos);
}

TEST(ConfigReader, LoadsFilesAndNamesThemInMessages) {
  const TemporaryFolder folder;
  const std::string path = (folder / "run.toml").string();
  write_file_atomic(path, "[job]\n\ncount = 0\n");

  EXPECT_EQ(config_error([&] { read_job(ConfigReader::load(path)); }),
            path + ":3: job.count: expected a whole number in [1, 10], got 0");
  EXPECT_EQ(
      config_error([&] { ConfigReader::load(folder / "none.toml"); }),
      "[file] cannot read '" + (folder / "none.toml").string() + "': No such file or directory");
}

TEST(ConfigReader, RefusesUnknownKeysAndNamesTheNearest) {
  EXPECT_EQ(complaint("cuont = 4"),
            "run.toml:2: job.cuont: unknown key; did you mean 'job.count'?");
  EXPECT_EQ(complaint("completely_different = 4"),
            "run.toml:2: job.completely_different: unknown key; --print-config lists the known "
            "ones");
}

TEST(ConfigReader, RefusesUnknownSections) {
  EXPECT_EQ(config_error([] { read_job(config("[jobs]\ncount = 4")); }),
            "run.toml:2: jobs.count: unknown key; did you mean 'job.count'?");
}

TEST(ConfigReader, RefusesOtherTypes) {
  EXPECT_EQ(complaint("fast = 1"), "run.toml:2: job.fast: expected true or false, got 1");
  EXPECT_EQ(complaint("count = 2.5"),
            "run.toml:2: job.count: expected a whole number in [1, 10], got 2.5");
  EXPECT_EQ(complaint("seed = \"x\""),
            "run.toml:2: job.seed: expected a whole number of at least 0, got \"x\"");
  EXPECT_EQ(complaint("rate = true"),
            "run.toml:2: job.rate: expected a number of at least 0, got true");
  EXPECT_EQ(complaint("note = 5"), "run.toml:2: job.note: expected text in quotes, got 5");
  EXPECT_EQ(complaint("kind = [1]"), "run.toml:2: job.kind: expected text in quotes, got [1]");
  EXPECT_EQ(complaint("labels = 5"),
            "run.toml:2: job.labels: expected a list of whole numbers, such as [0, 1, 2], got 5");
  EXPECT_EQ(complaint("labels = []"),
            "run.toml:2: job.labels: expected a list of whole numbers, such as [0, 1, 2], got []");
  EXPECT_EQ(complaint("labels = [1, \"x\"]"),
            "run.toml:2: job.labels: expected a list of numbers, such as [0, 1, 2], or of texts");
  EXPECT_EQ(complaint("labels = [[1], [2]]"),
            "run.toml:2: job.labels: expected a list of numbers, such as [0, 1, 2], or of texts");
  EXPECT_EQ(
      complaint("classes = [1]"),
      "run.toml:2: job.classes: expected a list of texts, such as [\"cat\", \"dog\"], got [1]");
  EXPECT_EQ(
      complaint("note = 2026-01-01"),
      "run.toml:2: job.note: expected a number, text, true or false; dates are not used here");
}

TEST(ConfigReader, RefusesNumbersOutOfRange) {
  EXPECT_EQ(complaint("count = 11"),
            "run.toml:2: job.count: expected a whole number in [1, 10], got 11");
  EXPECT_EQ(complaint("seed = -1"),
            "run.toml:2: job.seed: expected a whole number of at least 0, got -1");
  EXPECT_EQ(complaint("rate = -0.1"),
            "run.toml:2: job.rate: expected a number of at least 0, got -0.1");
  EXPECT_EQ(complaint("rate = nan"),
            "run.toml:2: job.rate: expected a number of at least 0, got nan");
  EXPECT_EQ(complaint("rate = -1e-320"),
            "run.toml:2: job.rate: expected a number of at least 0, got -1e-320");
  EXPECT_EQ(complaint("labels = [1, 10]"),
            "run.toml:2: job.labels: expected whole numbers in [0, 9], got [1, 10]");
}

TEST(ConfigReader, RefusesOtherChoicesAndNamesTheNearest) {
  EXPECT_EQ(complaint("kind = \"fedvag\""),
            "run.toml:2: job.kind: expected one of \"fedavg\", \"lorae\", got \"fedvag\"; did you "
            "mean \"fedavg\"?");
  EXPECT_EQ(complaint("kind = \"something else\""),
            "run.toml:2: job.kind: expected one of \"fedavg\", \"lorae\", got \"something else\"");
}

TEST(ConfigReader, NamesTheLineOfASyntaxError) {
  EXPECT_TRUE(complaint("count = = 4").starts_with("run.toml:2: ")) << complaint("count = = 4");
  EXPECT_TRUE(complaint("count = 1\ncount = 2").starts_with("run.toml:3: "));
  EXPECT_TRUE(complaint("note = \"open").starts_with("run.toml:2: "));
}

TEST(ConfigReader, TellsUnknownKeysOnRequest) {
  ConfigReader reader = config("[job]\ncount = 4\nlater = 1\n[new]\nkey = 2");
  EveryKind job;
  reader.read("job", job);

  EXPECT_EQ(reader.unknown(),
            (std::vector<std::string>{"run.toml:3: job.later", "run.toml:5: new.key"}));
  EXPECT_EQ(job.count, 4);
}

TEST(ConfigReader, EntriesOfAListStartFromTheGivenOne) {
  ConfigReader reader = config("[[methods]]\nname = \"a\"\n[[methods]]\nrank = 4");
  std::vector<NamedMethod> methods;

  reader.read_list("methods", methods, NamedMethod{"start", 3});

  EXPECT_EQ(methods, (std::vector<NamedMethod>{{"a", 3}, {"start", 4}}));
}

TEST(ConfigReader, ReadsAListOfTables) {
  ConfigReader reader = config("[[methods]]\nname = \"a\"\n[[methods]]\nname = \"b\"\nrank = 4");
  std::vector<NamedMethod> methods = {{"default", 1}};

  reader.read_list("methods", methods);
  reader.finish();

  EXPECT_EQ(methods, (std::vector<NamedMethod>{{"a", 8}, {"b", 4}}));
}

TEST(ConfigReader, KeepsTheDefaultListIfThereIsNoTable) {
  ConfigReader reader = config("");
  std::vector<NamedMethod> methods = {{"default", 1}};

  reader.read_list("methods", methods);

  EXPECT_EQ(methods, (std::vector<NamedMethod>{{"default", 1}}));
}

TEST(ConfigReader, ReadsMoreThanTenTables) {
  std::string toml;
  for (int i = 0; i < 12; ++i) {
    toml += str("[[methods]]\nrank = ", i + 1, '\n');
  }
  ConfigReader reader = config(toml);
  std::vector<NamedMethod> methods;

  reader.read_list("methods", methods);
  reader.finish();

  ASSERT_EQ(methods.size(), 12U);
  EXPECT_EQ(methods[1].rank, 2);
  EXPECT_EQ(methods[11].rank, 12);
}

TEST(ConfigReader, NamesThePlaceOfAMistakeInAListOfTables) {
  const auto read = [](const char* toml) {
    ConfigReader reader = config(toml);
    std::vector<NamedMethod> methods;
    reader.read_list("methods", methods);
    reader.finish();
  };

  EXPECT_EQ(config_error([&] { read("[[methods]]\nname = \"a\"\n[[methods]]\nrank = 0"); }),
            "run.toml:4: methods.1.rank: expected a whole number of at least 1, got 0");
  EXPECT_EQ(config_error([&] { read("[[methods]]\nnmae = \"a\""); }),
            "run.toml:2: methods.0.nmae: unknown key; did you mean 'methods.0.name'?");
}

TEST(ConfigReader, NamesThePlaceOfAKeyForRulesThatJoinSeveral) {
  const ConfigReader reader = config("[job]\ncount = 4");

  EXPECT_EQ(reader.where("job.count"), "run.toml:2: job.count");
  EXPECT_EQ(reader.where("job.rate"), "job.rate");
}

TEST(Nearest, IsTheCandidateWithTheFewestEdits) {
  const std::set<std::string> known = {"rounds", "round", "clients"};

  EXPECT_EQ(nearest("runds", known), "rounds");
  EXPECT_EQ(nearest("client", known), "clients");
  EXPECT_EQ(nearest("zzz", known), "");
  EXPECT_EQ(nearest("rounds", {}), "");
}

}  // namespace
}  // namespace lorae
