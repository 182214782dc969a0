// docs/bad_data.md says what the code does.
#include <gtest/gtest.h>

#include <map>

#include "data/formats/problem.h"
#include "data/text_file.h"
#include "tests/data/labels.h"

namespace lorae::data {
namespace {

/// The cells of a row of a Markdown table.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (std::size_t at = line.find('|'); at != std::string_view::npos;) {
    const std::size_t end = line.find('|', at + 1);
    if (end == std::string_view::npos) {
      break;
    }
    cells.emplace_back(trimmed(line.substr(at + 1, end - at - 1)));
    at = end;
  }
  return cells;
}

TEST(BadDataPage, HasARowForEachKindWithItsEffectAndATest) {
  const std::filesystem::path root = LORAE_SOURCE;
  std::map<std::string, std::vector<std::string>> rows;
  const std::string page = *read_text(root / "docs/bad_data.md");
  for (const std::string_view line : lines_of(page)) {
    if (line.starts_with("| `")) {
      const auto cells = cells_of(line);
      ASSERT_EQ(cells.size(), 4U) << line;
      rows[cells[0]] = cells;
    }
  }
  EXPECT_GE(rows.size(), 40U);
  for (const FlawRow& flaw : all_flaws()) {
    const auto row = rows.extract(str('`', flaw.name, '`'));
    ASSERT_FALSE(row.empty()) << flaw.name << " has no row";
    EXPECT_EQ(row.mapped()[2], flaw.effect) << flaw.name;
    const std::vector<std::string_view> test = words_of(row.mapped()[3]);
    ASSERT_EQ(test.size(), 2U) << flaw.name;
    const std::string source = *read_text(root / "tests/data" / test[0]);
    EXPECT_NE(source.find(test[1]), std::string::npos) << test[1] << " is not in " << test[0];
    EXPECT_NE(source.find(flaw.name), std::string::npos) << flaw.name << " is not in " << test[0];
  }
  EXPECT_TRUE(rows.empty()) << rows.begin()->first << " is no kind of problem";
}

}  // namespace
}  // namespace lorae::data
