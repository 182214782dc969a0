#include "base/text.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace lorae {
namespace {

/// What a shell makes of the word.
std::string read_by_a_shell(const std::string& word) {
  FILE* shell = ::popen(("printf %s " + word).c_str(), "r");
  std::array<char, 256> text{};
  const std::size_t size = std::fread(text.data(), 1, text.size(), shell);
  ::pclose(shell);
  return {text.data(), size};
}

TEST(ShellQuoted, LeavesPlainWordsAlone) {
  EXPECT_EQ(shell_quoted("/srv/lorae-1/home_2"), "/srv/lorae-1/home_2");
  EXPECT_EQ(shell_quoted("a@b:c,d+e%f"), "a@b:c,d+e%f");
}

TEST(ShellQuoted, QuotesWhatAShellWouldRead) {
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("my home"), "'my home'");
  EXPECT_EQ(shell_quoted("~/home"), "'~/home'");
  EXPECT_EQ(shell_quoted("ada's"), "'ada'\\''s'");
}

TEST(ShellQuoted, GivesAShellTheSameText) {
  for (const char* text :
       {"", "plain", "two words", "it's", "''", "$HOME", "`id`", "a\\b", "#x", "a;b&c|d", "*?[a]",
        "\"x\"", "!!", "{a,b}", "(x)", "<>", "new\nline", "~", "=ls"}) {
    EXPECT_EQ(read_by_a_shell(shell_quoted(text)), text);
  }
}

}  // namespace
}  // namespace lorae
