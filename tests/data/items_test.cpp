#include "data/formats/items.h"

#include <gtest/gtest.h>

namespace lorae::data {
namespace {

TEST(SharedTexts, GiveBackThePathsThatWerePacked) {
  SharedTexts texts;
  Names names;
  std::vector<PackedPath> packed;
  const std::vector<std::string> paths = {"/a/b.png", "/a/c.png", "b.png", "/b.png",
                                          "",         "a//b",     "a/"};
  for (const std::string& path : paths) {
    packed.push_back(texts.packed(path, names));
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    EXPECT_EQ(texts.path(packed[i], names), paths[i]);
  }
  EXPECT_EQ(packed_name(packed[1], names), "c.png");
  EXPECT_EQ(texts.size(), 5U) << "/a/ is there once";
}

TEST(SharedTexts, AreTheSameElsewhere) {
  SharedTexts texts, again;
  texts.number("x");
  EXPECT_EQ(texts.number("y"), 1U);
  EXPECT_EQ(texts.number("x"), 0U);
  ASSERT_TRUE(again.add_all(texts.from(0), 2));
  EXPECT_EQ(again.at(1), "y");
  EXPECT_EQ(again.number("y"), 1U);
  EXPECT_EQ(again.from(1), std::string_view("y\0", 2));
  EXPECT_TRUE(again.add_all("", 0));
  EXPECT_FALSE(again.add_all(texts.from(0), 1));
  EXPECT_FALSE(again.add_all("z", 1));
}

TEST(Items, AreSortedAsTheirPathsAndTheFirstOfTwoIsKept) {
  Items items;
  items.add({.picture = "a/c.png", .label = "l/c.txt", .domain = "d", .number = 1});
  items.add({.picture = "a-b/z.png", .label = "l/a.txt", .domain = {}, .number = 2});
  items.add({.picture = "a/b.png", .label = "m/b.txt", .domain = "d", .number = 3});
  items.add({.picture = "a/c.png", .label = "l/other.txt", .domain = {}, .number = 4});
  items.sort();
  ASSERT_EQ(items.size(), 3);
  EXPECT_EQ(items.at(0).picture, "a-b/z.png");
  EXPECT_EQ(items.at(1).picture, "a/b.png");
  EXPECT_EQ(items.at(1).label, "m/b.txt");
  EXPECT_EQ(items.at(2).number, 1);
  EXPECT_EQ(items.at(2).domain, "d");
  const std::map<std::string_view, std::vector<std::string_view>> labels = {
      {"l/", {"a.txt", "c.txt"}}, {"m/", {"b.txt"}}};
  EXPECT_EQ(items.labels_by_folder(), labels);
}

}  // namespace
}  // namespace lorae::data
