#include "report/figure_sections.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/atomic_file.h"
#include "base/str.h"
#include "report/text.h"

namespace lorae::report {
namespace {

constexpr const char* kPairs =
    "Of each pair, left: what the picture shows; right: what the model says. Objects from a "
    "confidence of 0.25 on.";

/// Labels of a confusion in its order, the background last.
std::string row_name(const Figures& figures, std::int64_t label) {
  const Confusion& confusion = *figures.confusion;
  return label == confusion.classes ? "(nothing)" : class_name(figures.classes, label);
}

Section classes_section(const Figures& figures) {
  const bool objects = !figures.curves.empty();
  Table table{.title = "By class",
              .columns = {{"class", Unit::kText}, {objects ? "objects" : "pictures", Unit::kCount}},
              .open = figures.by_class.size() <= 30};
  for (const ClassResult& result : figures.by_class) {
    for (const auto& [name, value] : result.metrics) {
      if (std::ranges::find(table.columns, name, &Column::name) == table.columns.end()) {
        table.columns.push_back({name, unit_of_metric(name)});
      }
    }
  }
  for (const ClassResult& result : figures.by_class) {
    std::vector<Cell>& row = table.rows.emplace_back();
    row.emplace_back(class_name(figures.classes, result.label));
    row.emplace_back(result.images);
    for (std::size_t i = 2; i < table.columns.size(); ++i) {
      const auto value = result.metrics.find(table.columns[i].name);
      row.push_back(value ? Cell(*value) : Cell());
    }
  }
  return {.title = "Judgement", .tables = {std::move(table)}};
}

using Values = std::vector<double> JudgedLines::*;

Series series_of(std::string name, const std::vector<double>& values) {
  Series series{.name = std::move(name)};
  const double last = static_cast<double>(std::max<std::size_t>(values.size(), 2) - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    series.points.push_back({.x = static_cast<double>(i) / last, .y = values[i]});
  }
  return series;
}

Chart lines_chart(const Figures& figures,
                  const JudgedCurves& curves,
                  const char* title,
                  const char* x,
                  Values values) {
  Chart chart{.title = title,
              .x = {.label = x, .unit = Unit::kNumber},
              .y = {.unit = Unit::kNumber, .from_zero = true}};
  chart.series.push_back(series_of("all classes", curves.mean.*values));
  chart.series.back().bold = curves.classes.size() > 1;
  if (curves.classes.size() <= kMostLines && curves.classes.size() > 1) {
    for (const JudgedLines& lines : curves.classes) {
      chart.series.push_back(series_of(class_name(figures.classes, lines.label), lines.*values));
    }
  }
  return chart;
}

Section curves_section(const Figures& figures, const JudgedCurves& curves) {
  Section section{.title = str("Precision and recall of ", curves.shape)};
  const auto best = std::ranges::max_element(curves.mean.f1);
  section.note = str("At overlap 0.5. ");
  if (best != curves.mean.f1.end()) {
    section.note += str("The mean F1 is largest, ", fixed_text(*best, 2), ", at a confidence of ",
                        fixed_text(curves.confidence, 2), ".");
  }
  if (curves.classes.size() > kMostLines) {
    section.note += str(" Of ", curves.classes.size(), " classes the mean alone is drawn.");
  }
  section.charts = {
      lines_chart(figures, curves, "Precision over recall", "recall",
                  &JudgedLines::precision_over_recall),
      lines_chart(figures, curves, "F1 over confidence", "confidence", &JudgedLines::f1),
      lines_chart(figures, curves, "Precision over confidence", "confidence",
                  &JudgedLines::precision),
      lines_chart(figures, curves, "Recall over confidence", "confidence", &JudgedLines::recall)};
  return section;
}

/// How many of each truth there are.
std::map<std::int64_t, std::int64_t> truths_of(const Confusion& confusion) {
  std::map<std::int64_t, std::int64_t> sums;
  for (const Confusion::Pair& pair : confusion.pairs) {
    sums[pair.truth] += pair.count;
  }
  return sums;
}

double share_of(std::int64_t count, std::int64_t all) {
  return static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(all, 1));
}

/// Rows: what was found, columns: what is there. Of all classes, also those without a pair.
Table matrix_table(const Figures& figures, bool counts) {
  const Confusion& confusion = *figures.confusion;
  Table table{.title = counts ? str("Confusion in ", confusion.counted) : "Confusion",
              .columns = {{"found / truth", Unit::kText}},
              .open = !counts,
              .heat = true};
  if (!counts) {
    table.note = str("Each column: what its class was taken for, in percent of its ",
                     confusion.counted, ". On the diagonal all is right.");
  }
  for (std::int64_t truth = 0; truth < confusion.side(); ++truth) {
    table.columns.push_back({row_name(figures, truth), Unit::kCount});
  }
  for (std::int64_t found = 0; found < confusion.side(); ++found) {
    std::vector<Cell>& row = table.rows.emplace_back();
    row.emplace_back(row_name(figures, found));
    row.resize(table.columns.size());
  }
  const auto sums = truths_of(confusion);
  for (const Confusion::Pair& pair : confusion.pairs) {
    const std::int64_t all = sums.at(pair.truth);
    const double percent = 100 * share_of(pair.count, all);
    Cell& cell = table.rows.at(static_cast<std::size_t>(pair.found))
                     .at(static_cast<std::size_t>(pair.truth) + 1);
    cell =
        counts
            ? Cell(pair.count)
            : Cell(percent, percent < 0.5 ? "<1" : fixed_text(percent, 0),
                   str(row_name(figures, pair.found), " for ", row_name(figures, pair.truth), ": ",
                       count_text(pair.count), " of ", count_text(all), " ", confusion.counted));
  }
  return table;
}

Table mistakes_table(const Figures& figures) {
  constexpr std::size_t kMost = 15;
  const Confusion& confusion = *figures.confusion;
  const auto sums = truths_of(confusion);
  std::vector<Confusion::Pair> wrong;
  std::ranges::copy_if(confusion.pairs, std::back_inserter(wrong),
                       [](const Confusion::Pair& pair) { return pair.found != pair.truth; });
  std::ranges::stable_sort(wrong, std::greater{}, &Confusion::Pair::count);
  wrong.resize(std::min(wrong.size(), kMost));
  Table table{.title = "Most frequent mistakes",
              .columns = {{"truth", Unit::kText},
                          {"found", Unit::kText},
                          {confusion.counted, Unit::kCount},
                          {"of the truth", Unit::kPercent}},
              .open = confusion.side() > kMostInMatrix};
  for (const Confusion::Pair& pair : wrong) {
    table.rows.push_back({row_name(figures, pair.truth), row_name(figures, pair.found), pair.count,
                          share_of(pair.count, sums.at(pair.truth))});
  }
  return table;
}

Section confusion_section(const Figures& figures) {
  const Confusion& confusion = *figures.confusion;
  Section section{.title = "What was taken for what"};
  if (confusion.counted == "objects") {
    section.note =
        str("Objects found with a confidence over ", fixed_text(confusion.confidence, 2),
            ", that overlap a truth of any class by more than ", fixed_text(confusion.overlap, 2),
            ". Column (nothing): found where nothing is; row (nothing): missed.");
  }
  if (confusion.side() <= kMostInMatrix) {
    section.tables = {matrix_table(figures, false), matrix_table(figures, true)};
  }
  section.tables.push_back(mistakes_table(figures));
  return section;
}

}  // namespace

std::vector<Section> figure_sections(const Figures& figures) {
  std::vector<Section> sections = {classes_section(figures)};
  for (const JudgedCurves& curves : figures.curves) {
    sections.push_back(curves_section(figures, curves));
  }
  if (figures.confusion && !figures.confusion->pairs.empty()) {
    sections.push_back(confusion_section(figures));
  }
  return sections;
}

Figures read_figures(const std::filesystem::path& file) {
  const Bytes bytes = read_file(file);
  Result<Figures> figures = parse_figures(text_of(bytes));
  check(figures.ok(), ErrorCode::kCorruptData, "[report] '", file.string(),
        "' holds no figures: ", figures.ok() ? "" : figures.error().what());
  return *std::move(figures);
}

std::vector<RoundId> judged_rounds(const std::filesystem::path& folder) {
  std::vector<RoundId> rounds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const std::size_t digits = std::min(name.find('-') + 1, name.size());  // 0 without a '-'
    std::from_chars(name.data() + digits, name.data() + name.size(), number);
    if (name == of_round(kFiguresFile, number)) {
      rounds.emplace_back(number);
    }
  }
  std::ranges::sort(rounds);
  return rounds;
}

Section sheets_section(const std::filesystem::path& folder) {
  Section section{.title = "What the global model sees", .note = kPairs};
  for (const RoundId round : judged_rounds(folder)) {
    if (const auto file = folder / of_round(kSheetFile, round.value);
        std::filesystem::exists(file)) {
      section.pictures.push_back(
          {.title = round == RoundId{} ? "Before the first round" : str("After round ", round),
           .bytes = read_file(file)});
    }
  }
  return section;
}

std::vector<Section> judged_sections(const std::filesystem::path& folder,
                                     const std::string& about) {
  std::vector<Section> sections;
  if (const auto file = folder / kFiguresFile; std::filesystem::exists(file)) {
    sections = figure_sections(read_figures(file));
    sections.front().note = about;
  }
  if (const auto file = folder / kSheetFile; std::filesystem::exists(file)) {
    sections.push_back({.title = "Predictions",
                        .note = kPairs,
                        .pictures = {{.title = "Sheet of predictions", .bytes = read_file(file)}}});
  }
  return sections;
}

}  // namespace lorae::report
