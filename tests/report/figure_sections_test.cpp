#include "report/figure_sections.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "report/judgement_page.h"
#include "report/training_page.h"
#include "tests/base/temporary_folder.h"
#include "tests/report/example_folders.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;

const Table& table_of(const std::vector<Section>& sections, const std::string& title) {
  for (const Section& section : sections) {
    for (const Table& table : section.tables) {
      if (table.title == title) {
        return table;
      }
    }
  }
  throw std::out_of_range(title);
}

Figures two_classes() {
  const JudgedLines half{.label = 0,
                         .precision_over_recall = {1, 0.5, 0},
                         .precision = {0.2, 0.5, 1},
                         .recall = {1, 0.5, 0},
                         .f1 = {0.3, 0.5, 0}};
  JudgedLines mean = half, other = half;
  mean.label = -1;
  other.label = 1;
  other.f1[1] = 0.75;
  return {
      .classes = {"cat", "dog"},
      .metrics = {{"map50", 0.5}},
      .by_class = {{.label = 0, .images = 4, .metrics = {{"map50", 0.25}}},
                   {.label = 1, .images = 5, .metrics = {}}},
      .curves = {{.shape = "boxes", .confidence = 0.31, .mean = mean, .classes = {half, other}}},
      .confusion = Confusion{.counted = "objects",
                             .classes = 2,
                             .background = true,
                             .confidence = 0.25,
                             .overlap = 0.45,
                             .pairs = {{0, 0, 3}, {0, 1, 4}, {1, 1, 1}, {1, 2, 2}, {2, 0, 1}}}};
}

TEST(FigureSections, HaveACurveForTheMeanAndEachClass) {
  const auto sections = figure_sections(two_classes());

  ASSERT_EQ(sections.size(), 3U);
  EXPECT_EQ(sections[1].title, "Precision and recall of boxes");
  EXPECT_NE(sections[1].note.find("largest, 0.50, at a confidence of 0.31"), std::string::npos)
      << sections[1].note;
  ASSERT_EQ(sections[1].charts.size(), 4U);
  const Chart& f1 = sections[1].charts[1];
  EXPECT_EQ(f1.title, "F1 over confidence");
  ASSERT_EQ(f1.series.size(), 3U);
  EXPECT_EQ(f1.series[0].name, "all classes");
  EXPECT_EQ(f1.series[2].name, "dog");
  EXPECT_EQ(f1.series[2].points[1].x, 0.5) << "evenly from 0 to 1";
  EXPECT_EQ(f1.series[2].points[1].y, 0.75);
  EXPECT_EQ(sections[1].charts[0].series[1].points[1].y, 0.5);
  const Table& classes = table_of(sections, "By class");
  EXPECT_EQ(classes.columns[1].name, "objects");
  EXPECT_EQ(classes.rows[0][2].number, 0.25);
  EXPECT_TRUE(classes.rows[1][2].empty());
}

TEST(FigureSections, HaveAMatrixWhoseColumnsAddUp) {
  const auto sections = figure_sections(two_classes());

  const Table& matrix = table_of(sections, "Confusion");
  ASSERT_EQ(matrix.rows.size(), 3U);
  ASSERT_EQ(matrix.columns.size(), 4U);
  EXPECT_EQ(matrix.columns[3].name, "(nothing)");
  EXPECT_EQ(matrix.rows[2][0].text, "(nothing)");
  EXPECT_EQ(matrix.rows[0][1].number, 75) << "3 of 4 cats";
  EXPECT_EQ(matrix.rows[0][1].text, "75");
  EXPECT_EQ(matrix.rows[0][1].hint, "cat for cat: 3 of 4 objects");
  EXPECT_EQ(matrix.rows[0][2].number, 80) << "4 of 5 dogs";
  EXPECT_EQ(matrix.rows[2][1].number, 25) << "a cat was missed";
  EXPECT_EQ(matrix.rows[1][3].number, 100);
  EXPECT_TRUE(matrix.rows[1][1].empty());
  EXPECT_EQ(table_of(sections, "Confusion in objects").rows[0][2].number, 4);
  const Table& mistakes = table_of(sections, "Most frequent mistakes");
  ASSERT_EQ(mistakes.rows.size(), 3U);
  EXPECT_EQ(mistakes.rows[0][0].text, "dog");
  EXPECT_EQ(mistakes.rows[0][1].text, "cat");
  EXPECT_EQ(mistakes.rows[0][3].number, 0.8);
}

TEST(FigureSections, OfManyClassesHaveTheMeanAndTheLargestMistakesAlone) {
  const auto sections = figure_sections(example_figures(80, {"masks", "boxes"}));

  ASSERT_EQ(sections.size(), 4U);
  EXPECT_EQ(sections[1].title, "Precision and recall of masks");
  EXPECT_EQ(sections[1].charts[0].series.size(), 1U);
  EXPECT_NE(sections[1].note.find("Of 80 classes the mean alone"), std::string::npos);
  ASSERT_EQ(sections[3].tables.size(), 1U) << "no matrix";
  EXPECT_EQ(sections[3].tables[0].rows.size(), 15U);
  EXPECT_EQ(sections[3].tables[0].rows[0][2].number, 2);
}

TEST(TrainingPage, ShowsHowTheBestModelWasJudged) {
  const TemporaryFolder folder;
  make_training(folder.path());
  const auto sections = [&] {
    return Json::parse(to_json(training_page(folder.path())))["sections"];
  };
  ASSERT_EQ(sections().size(), 1U);
  make_judgement(folder.path(), two_classes());

  const Json all = sections();

  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[1]["title"], "Judgement");
  EXPECT_EQ(all[3]["tables"][0]["rows"][0],
            Json::parse(R"(["cat", [75, "75", "cat for cat: 3 of 4 objects"],
                            [80, "80", "cat for dog: 4 of 5 objects"], null])"));
  const std::string source = all[4]["pictures"][0]["source"].get<std::string>();
  EXPECT_TRUE(source.starts_with("data:image/jpeg;base64,/9j/4AAQSkZJRg")) << source;
  write_file_atomic(folder / kFiguresFile, std::string_view("{}"));
  EXPECT_THROW(training_page(folder.path()), Error);
}

TEST(JudgementPage, HasTheMetricsOnTop) {
  const TemporaryFolder folder;
  make_judgement(folder.path(), two_classes());
  const Json page = Json::parse(to_json(judgement_page(folder.path(), "net on set", {"/data"})));

  EXPECT_EQ(page["title"], "net on set");
  EXPECT_EQ(page["cards"], Json::parse(R"([{"value": "50.0 %", "what": "map50"}])"));
  EXPECT_EQ(page["sections"].size(), 4U);
}

}  // namespace
}  // namespace lorae::report
