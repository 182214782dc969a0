#include "data/classes.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::data {
namespace {

using lorae::testing::expect_error;
using Labels = std::vector<std::int64_t>;

const std::vector<std::string> kRun = {"cat", "dog", "T-shirt/top"};

TEST(MatchClasses, GoesByNameNotByOrder) {
  EXPECT_EQ(match_classes({"dog", "T-shirt/top", "cat"}, kRun, {}), (Labels{1, 2, 0}));
}

TEST(MatchClasses, AbsentClassesDoNotMatter) {
  EXPECT_EQ(match_classes({"T-shirt/top"}, kRun, {}), (Labels{2}));
  EXPECT_EQ(match_classes({}, kRun, {}), Labels{});
}

TEST(MatchClasses, CaseDoesNotMatter) {
  EXPECT_EQ(match_classes({"Dog", "t-shirt/TOP"}, kRun, {}), (Labels{1, 2}));
}

TEST(MatchClasses, TheExactNameWinsWhereCaseTellsTwoApart) {
  EXPECT_EQ(match_classes({"jaguar"}, {"Jaguar", "jaguar"}, {}), (Labels{1}));
  expect_error(
      ErrorCode::kInvalidConfig,
      [] {
        match_classes({"JAGUAR"}, {"Jaguar", "jaguar"}, {});
      },
      "class 'JAGUAR' is none of the run's");
}

TEST(MatchClasses, UnknownNamesAreRefusedWithBothListsAndTheNearest) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [] {
        match_classes({"cats", "dog"}, kRun, {});
      },
      "class 'cats' is none of the run's (nearest: 'cat'): the run has 'cat', 'dog', "
      "'T-shirt/top', these images have 'cats', 'dog'; rename the folder, or set class_map = "
      "\"cats=cat\"");
}

TEST(MatchClasses, AMapRenames) {
  EXPECT_EQ(match_classes({"felis", "tabby", "dog"}, kRun, {{"felis", "cat"}, {"tabby", "Cat"}}),
            (Labels{0, 0, 1}));
}

TEST(MatchClasses, AMapMayNameClassesThatThisDeviceLacks) {
  EXPECT_EQ(match_classes({"dog"}, kRun, {{"felis", "cat"}}), (Labels{1}));
}

TEST(MatchClasses, AMapGoesByNameInAnyCase) {
  EXPECT_EQ(match_classes({"Felis"}, kRun, {{"felis", "cat"}}), (Labels{0}));
}

TEST(MatchClasses, AMapThatMissesIsRefused) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [] {
        match_classes({"dog"}, kRun, {{"dog", "wolf"}});
      },
      "class_map: 'wolf' is no class of the run");
}

TEST(ParseClassMap, ReadsPairs) {
  EXPECT_EQ(parse_class_map(""), ClassMap{});
  EXPECT_EQ(parse_class_map("tabby=cat, big dog = dog"),
            (ClassMap{{"tabby", "cat"}, {"big dog", "dog"}}));
}

TEST(ParseClassMap, RefusesOtherTexts) {
  for (const char* text : {"tabby", "=cat", "tabby=", "a=b,,c=d", "a=b,a=c"}) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { parse_class_map(text); }, "class_map: ");
  }
}

}  // namespace
}  // namespace lorae::data
