#include "report/page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/page_source.h"
#include "report/text.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;

Page example() {
  Page page{.title = "Title", .names = {"a"}};
  Chart chart{.title = "Chart", .x = {.label = "round", .unit = Unit::kCount}};
  chart.series.push_back({.name = "a", .points = {{.x = 1, .y = 0.5}}});
  page.sections.push_back({.title = "Section", .charts = {chart}});
  return page;
}

TEST(Page, IsJsonWithPointsCellsAndUnits) {
  Page page = example();
  page.sections[0].charts[0].series[0].points.push_back({.x = 2, .y = 0.75, .low = 0.5, .high = 1});
  page.sections[0].tables.push_back({.columns = {{"name"}, {"bytes", Unit::kBytes}},
                                     .rows = {{"a", 1e6}, {Cell(), Cell(2.5, "about 2")}}});

  const Json json = Json::parse(to_json(page));

  const Json& section = json["sections"][0];
  EXPECT_EQ(section["charts"][0]["series"][0]["points"],
            Json::parse("[[1, 0.5], [2, 0.75, 0.5, 1]]"));
  EXPECT_EQ(section["charts"][0]["x"]["unit"], "count");
  EXPECT_EQ(section["tables"][0]["columns"][1]["unit"], "bytes");
  EXPECT_EQ(section["tables"][0]["rows"],
            Json::parse(R"([["a", 1000000], [null, [2.5, "about 2"]]])"));
}

TEST(Page, LeavesOutWhatHasNoData) {
  Page page = example();
  page.sections[0].charts[0].series[0].points = {{.x = std::nan(""), .y = 1},
                                                 {.x = 1, .y = INFINITY}};
  page.sections[0].tables.push_back({.title = "empty", .columns = {{"name"}}});

  EXPECT_TRUE(Json::parse(to_json(page))["sections"].empty());
}

TEST(Page, HasNumbersThatAreNotFiniteAsNull) {
  Page page = example();
  page.sections[0].charts[0].labels = {"x", "y"};
  page.sections[0].charts[0].series = {{.name = "a", .values = {std::nan(""), 1e300}}};

  EXPECT_EQ(Json::parse(to_json(page))["sections"][0]["charts"][0]["series"][0]["values"],
            Json::parse("[null, 1e300]"));
}

TEST(Page, LetsNoTextBecomeMarkup) {
  const std::string evil = "</script><img src=x onerror=boom()><!--<script>&\xff";
  Page page = example();
  page.title = evil;
  page.notes = {evil};
  page.names = {evil};
  page.sections[0].title = evil;
  page.sections[0].charts[0].series[0].name = evil;
  page.config = evil;

  const std::string html = page_html(page);

  const std::string plain = page_html(example());
  const auto tags = [](const std::string& text) { return std::ranges::count(text, '<'); };
  EXPECT_EQ(tags(html), tags(plain));
  EXPECT_NE(html.find("<title>&lt;/script>"), std::string::npos);
  EXPECT_EQ(Json::parse(to_json(page))["names"][0],
            "</script><img src=x onerror=boom()><!--<script>&\xEF\xBF\xBD");
}

TEST(Page, PutsItsDataWhereTheSourceAsksForIt) {
  Page page = example();
  page.title = std::string(kDataMark) + std::string(kTitleMark);

  const std::string html = page_html(page);

  EXPECT_NE(html.find("<title>@DATA@@TITLE@</title>"), std::string::npos);
  EXPECT_NE(html.find("id=\"data\">{\"title\":\"@DATA@@TITLE@\""), std::string::npos);
}

TEST(Page, NeedsNothingFromOutside) {
  const std::string html = page_html(example());

  EXPECT_NE(html.find("content=\"default-src 'none'; "), std::string::npos);
  for (const char* outside : {" src=", "<link", "@import", "url("}) {
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  }
}

TEST(Table, LosesColumnsWithoutAValue) {
  Table table{.columns = {{"a"}, {"b"}, {"c"}},
              .rows = {{"x", Cell(), std::nan("")}, {Cell(), Cell(), 1.0}}};

  drop_empty_columns(table);

  ASSERT_EQ(table.columns.size(), 2U);
  EXPECT_EQ(table.columns[1].name, "c");
  EXPECT_EQ(table.rows[1].size(), 2U);
}

TEST(Texts, AreWhatPeopleRead) {
  EXPECT_EQ(count_text(1'234'567), "1,234,567");
  EXPECT_EQ(count_text(-123), "-123");
  EXPECT_EQ(points_text(0.0123), "+1.2");
  EXPECT_EQ(points_text(-0.0001), "0.0");
  EXPECT_EQ(times_text(41.27), "41.3");
  EXPECT_EQ(times_text(343.8), "344");
  EXPECT_EQ(times_text(std::nan("")), "-");
  EXPECT_EQ(tick_percent_text(0.875), "87.5 %");
}

}  // namespace
}  // namespace lorae::report
