#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/base/config_options.h"

namespace lorae {
namespace {

std::string printed(const EveryKind& job) {
  ConfigPrinter printer;
  printer.print("job", job);
  return printer.text();
}

EveryKind reread(const EveryKind& job) {
  return read_job(config(printed(job)));
}

TEST(ConfigPrinter, WritesCommentedToml) {
  EXPECT_EQ(printed({}),
            "\n[job]\n"
            "fast = false                          # skip the checks\n"
            "count = 3                             # of things\n"
            "seed = 1\n"
            "rate = 0.5                            # per second\n"
            "note = \"none\"                         # for people\n"
            "kind = \"fedavg\"                       # of method\n"
            "labels = [0, 1]                       # to keep\n"
            "classes = []                          # by name\n"
            "most = 0                              # to send\n");
}

TEST(ConfigPrinter, WritesListsOfTablesAndTheTopLevel) {
  ConfigPrinter printer;
  printer.print("", NamedMethod{"top", 1});
  printer.print("methods.0", NamedMethod{"a", 2});
  printer.print("methods.1", NamedMethod{"b", 3});

  EXPECT_EQ(printer.text(),
            "name = \"top\"\nrank = 1\n"
            "\n[[methods]]\nname = \"a\"\nrank = 2\n"
            "\n[[methods]]\nname = \"b\"\nrank = 3\n");
}

TEST(ConfigPrinter, WritesListsOfTablesThatAreReadBack) {
  const std::vector<NamedMethod> methods = {{"a", 2}, {"b", 3}};
  ConfigPrinter printer;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    printer.print(str("methods.", i), methods[i]);
  }

  ConfigReader reader = config(printer.text());
  std::vector<NamedMethod> read;
  reader.read_list("methods", read);
  reader.finish();

  EXPECT_EQ(read, methods);
}

TEST(ConfigPrinter, WritesDoublesThatReadBackTheSame) {
  using Limits = std::numeric_limits<double>;
  for (const double rate : {0.0, 1.0, 0.1, 1e-7, 1.0 / 3.0, 5e-324, 1e-320, 1e5, 1e22, 123456789.0,
                            0.30000000000000004, Limits::min(), Limits::max()}) {
    EXPECT_EQ(reread({.rate = rate}).rate, rate) << printed({.rate = rate});
  }
}

TEST(ConfigPrinter, WritesTheShortestNumber) {
  EXPECT_NE(printed({.rate = 1e-7}).find("rate = 1e-07 "), std::string::npos);
  EXPECT_NE(printed({.rate = 0.1}).find("rate = 0.1 "), std::string::npos);
  EXPECT_NE(printed({.rate = 3.0}).find("rate = 3.0 "), std::string::npos);
}

TEST(ConfigPrinter, WritesTextsThatReadBackTheSame) {
  for (const std::string note :
       {"", "plain", "with \"quotes\"", "C:\\path\\", "# no comment", "two\nlines",
        "tab\tand\rreturn", "\x01\x1f\x7f", "\xc3\xa4", "'''", "\"\"\""}) {
    EXPECT_EQ(reread({.note = note}).note, note) << printed({.note = note});
  }
}

TEST(ConfigPrinter, WritesWholeNumbersThatReadBackTheSame) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const EveryKind job = {
      .fast = true, .count = 10, .seed = kMost, .labels = {9, 0, 9}, .classes = {"a b", "\"c\""}};

  EXPECT_EQ(reread(job), job);
}

TEST(ConfigPrinter, RefusesTextThatNobodyCouldReadBack) {
  ConfigPrinter printer;
  EXPECT_NE(config_error([&] {
              printer.print("job", EveryKind{.note = "caf\xe9"});
            }).find("note = \"caf\xe9\": expected UTF-8"),
            std::string::npos);
}

}  // namespace
}  // namespace lorae
