#include "apps/common/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lorae::apps {
namespace {

Table layers() {
  Table table("lrr", {"layer", "rank", "numbers"});
  table.row("conv1", "8", "123");
  table.row("backbone.body.layer4.2.downsample.0", "16", "1234567");
  return table;
}

TEST(Table, IsAsWideAsItsCells) {
  EXPECT_EQ(layers().text(1000),
            "layer                                rank  numbers\n"
            "conv1                                   8      123\n"
            "backbone.body.layer4.2.downsample.0    16  1234567\n");
}

TEST(Table, LeavesOutTheMiddleOfNamesWhereThereIsNoRoom) {
  EXPECT_EQ(layers().text(40),
            "layer                      rank  numbers\n"
            "conv1                         8      123\n"
            "backbone.bo..downsample.0    16  1234567\n");
  std::istringstream narrow(layers().text(5));
  for (std::string line; std::getline(narrow, line);) {
    EXPECT_LE(line.size(), 27U) << "names keep a dozen characters";
  }
}

TEST(Table, CountsCharactersAndShowsControls) {
  Table table("lr", {});
  table.row("gr\xc3\xbc\xc3\x9f", "1");
  table.row("\x1b[2J", "22");
  EXPECT_EQ(table.text(80),
            "gr\xc3\xbc\xc3\x9f      1\n"
            "\\x1b[2J  22\n");
  EXPECT_EQ(table.rows(), 2U);
}

TEST(Table, HasNoBlanksAtTheEndOfALine) {
  Table table("ll", {"a", "b"});
  table.row("x", "");
  table.row("y", "long");
  EXPECT_EQ(table.text(80), "a  b\nx\ny  long\n");
}

}  // namespace
}  // namespace lorae::apps
