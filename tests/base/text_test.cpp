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

TEST(Printable, ShowsWhatWouldActOnATerminal) {
  EXPECT_EQ(printable("conv1.weight"), "conv1.weight");
  EXPECT_EQ(printable("a\x1b[31mb\x07"), "a\\x1b[31mb\\x07");
  EXPECT_EQ(printable("one\ntwo\tthree\r"), "one\\x0atwo\\x09three\\x0d");
  EXPECT_EQ(printable("\x7f\xc2\x9b\x31m"), "\\x7f\\xc2\\x9b1m") << "C1, as ESC [";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "turns the direction of writing";
}

TEST(Printable, LeavesLettersOfAllLanguages) {
  const std::string text = "gr\xc3\xbc\xc3\x9f \xe7\x8c\xab \xf0\x9f\x90\x88";
  EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "longer than it needs to be";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above the last";
  EXPECT_EQ(printable("\xe7\x8c"), "\\xe7\\x8c") << "cut off";
  EXPECT_EQ(printable("\xff\x80"), "\\xff\\x80");
}

TEST(Printable, KeepsLinesWhereTheyAreMeant) {
  EXPECT_EQ(printable("one\n\ttwo\x1b\n", Lines::kMany), "one\n\ttwo\\x1b\n");
}

TEST(IsUtf8, AgreesWithPrintable) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("gr\xc3\xbc\xc3\x9f\n\x1b"));
  for (const char* bad :
       {"\xe9", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe7\x8c", "a\x80"}) {
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
  }
}

TEST(Cut, CountsCharactersAndNotBytes) {
  EXPECT_EQ(cut("abc", 2), "ab");
  EXPECT_EQ(cut("abc", 9), "abc");
  EXPECT_EQ(cut("\xc3\xbc\xc3\x9f!", 2), "\xc3\xbc\xc3\x9f");
  EXPECT_EQ(cut("\xff\xfe", 1), "\xff");
  EXPECT_EQ(cut("", 3), "");
}

}  // namespace
}  // namespace lorae
