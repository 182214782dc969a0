#include "base/figures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lorae {
namespace {

Figures example() {
  const JudgedLines lines{.label = 1,
                          .precision_over_recall = {1, 0.5},
                          .precision = {0.12344, 1},
                          .recall = {1, 0},
                          .f1 = {0.25, std::nan("")}};
  JudgedLines mean = lines;
  mean.label = -1;
  return {.classes = {"cat", "d\"g"},
          .metrics = {{"map50", 0.5}, {"recall", std::nan("")}},
          .by_class = {{.label = 1, .images = 7, .metrics = {{"map50", 0.25}}}},
          .curves = {{.shape = "boxes", .confidence = 0.3, .mean = mean, .classes = {lines}}},
          .confusion = Confusion{.counted = "objects",
                                 .classes = 2,
                                 .background = true,
                                 .confidence = 0.25,
                                 .overlap = 0.45,
                                 .pairs = {{0, 0, 5}, {2, 1, 3}}}};
}

TEST(Figures, AreReadAsTheyWereWritten) {
  const Figures read = parse_figures(to_text(example())).value();

  EXPECT_EQ(read.classes, example().classes);
  EXPECT_EQ(read.metrics.main_name(), "map50");
  EXPECT_TRUE(std::isnan(*read.metrics.find("recall")));
  ASSERT_EQ(read.by_class.size(), 1U);
  EXPECT_EQ(read.by_class[0].images, 7);
  EXPECT_EQ(read.by_class[0].metrics.find("map50"), 0.25);
  ASSERT_EQ(read.curves.size(), 1U);
  EXPECT_EQ(read.curves[0].shape, "boxes");
  EXPECT_EQ(read.curves[0].mean.label, -1);
  const JudgedLines& lines = read.curves[0].classes.at(0);
  EXPECT_EQ(lines.precision_over_recall, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(lines.precision, (std::vector<double>{0.1234, 1})) << "four decimals";
  EXPECT_TRUE(std::isnan(lines.f1.at(1)));
  EXPECT_EQ(read.confusion->pairs, example().confusion->pairs);
  EXPECT_EQ(read.confusion->side(), 3);
  EXPECT_EQ(to_text(read), to_text(example()));
}

TEST(Figures, MayHaveNoCurvesAndNoConfusion) {
  const Figures read = parse_figures(to_text(Figures{})).value();
  EXPECT_TRUE(read.curves.empty());
  EXPECT_FALSE(read.confusion);
}

TEST(Figures, OfAnyCutAreRefused) {
  const std::string text = to_text(example());
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {  // the last byte ends the line
    const Result<Figures> read = parse_figures(std::string_view(text).substr(0, size));
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorruptData);
  }
}

TEST(Figures, OfWrongValuesAreRefused) {
  for (const auto& [what, by] : std::vector<std::pair<std::string, std::string>>{
           {"[2,1,3]", "[3,1,3]"},
           {"[2,1,3]", "[2,-1,3]"},
           {"[2,1,3]", "[2,1,-3]"},
           {"[2,1,3]", "[2,1]"},
           {"\"classes\":2", "\"classes\":9223372036854775807"},
           {"\"shape\":\"boxes\"", "\"shape\":7"},
           {"\"by_class\":[{", "\"by_class\":[1,{"},
           {"\"metrics\":[[\"map50\"", "\"metrics\":[[1"}}) {
    std::string text = to_text(example());
    const std::size_t at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    text.replace(at, what.size(), by);
    EXPECT_FALSE(parse_figures(text).ok()) << by;
  }
}

TEST(Figures, OfARoundHaveItsNumberInTheirName) {
  EXPECT_EQ(of_round(kFiguresFile, 12), "figures-000012.json");
  EXPECT_EQ(of_round(kSheetFile, 1234567), "predictions-1234567.jpg");
}

TEST(ClassName, IsANumberWhereThereIsNone) {
  EXPECT_EQ(class_name({"cat"}, 0), "cat");
  EXPECT_EQ(class_name({"cat"}, 1), "1");
  EXPECT_EQ(class_name({}, -1), "-1");
}

}  // namespace
}  // namespace lorae
