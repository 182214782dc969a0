#include "report/page.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/str.h"
#include "report/page_source.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kUnitNames = {"text",  "count",   "number", "percent",
                                   "bytes", "seconds", "times"};
constexpr double kLargestInteger = 9e15;

const char* name_of(Unit unit) {
  return kUnitNames.at(static_cast<std::size_t>(unit));
}

/// Whole numbers without ".0": a ledger has many.
Json json_of(double number) {
  const bool whole = std::abs(number) < kLargestInteger && number == std::floor(number);
  return whole ? Json(static_cast<std::int64_t>(number)) : Json(number);  // NaN becomes null
}

Json json_of(const Axis& axis) {
  return {{"label", axis.label},
          {"unit", name_of(axis.unit)},
          {"log", axis.log},
          {"switch", axis.can_switch},
          {"zero", axis.from_zero}};
}

Json json_of(const Point& point) {
  Json json = {json_of(point.x), json_of(point.y)};
  if (point.high > point.low) {
    json.push_back(json_of(point.low));
    json.push_back(json_of(point.high));
  }
  return json;
}

Json json_of(const Series& series, bool bars) {
  Json data = Json::array();
  if (bars) {
    for (const double value : series.values) {
      data.push_back(json_of(value));
    }
  } else {
    for (const Point& point : series.points) {
      if (std::isfinite(point.x) && std::isfinite(point.y)) {
        data.push_back(json_of(point));
      }
    }
  }
  Json json{{"name", series.name}, {bars ? "values" : "points", data}};
  if (series.bold) {
    json["bold"] = true;
  }
  return json;
}

bool has_data(const Series& series) {
  return std::ranges::any_of(
             series.points,
             [](const Point& p) { return std::isfinite(p.x) && std::isfinite(p.y); }) ||
         std::ranges::any_of(series.values, [](double value) { return std::isfinite(value); });
}

bool has_data(const Chart& chart) {
  return std::ranges::any_of(chart.series, [](const Series& series) { return has_data(series); });
}

Json json_of(const Chart& chart) {
  Json json{{"title", chart.title},  {"tab", chart.tab},      {"note", chart.note},
            {"x", json_of(chart.x)}, {"y", json_of(chart.y)}, {"series", Json::array()}};
  for (const Series& series : chart.series) {
    if (has_data(series)) {
      json["series"].push_back(json_of(series, !chart.labels.empty()));
    }
  }
  if (!chart.labels.empty()) {
    json["labels"] = chart.labels;
    json["upright"] = chart.upright;
    json["stacked"] = chart.stacked;
  }
  return json;
}

Json json_of(const Cell& cell) {
  if (cell.empty()) {
    return nullptr;
  }
  if (!cell.number) {
    return cell.text;
  }
  if (!cell.hint.empty()) {
    return Json{json_of(*cell.number), cell.text, cell.hint};
  }
  return cell.text.empty() ? json_of(*cell.number) : Json{json_of(*cell.number), cell.text};
}

Json json_of(const Table& table) {
  Json json{{"title", table.title},  {"note", table.note}, {"columns", Json::array()},
            {"rows", Json::array()}, {"open", table.open}, {"heat", table.heat}};
  for (const Column& column : table.columns) {
    json["columns"].push_back({{"name", column.name}, {"unit", name_of(column.unit)}});
  }
  for (const std::vector<Cell>& row : table.rows) {
    Json& cells = json["rows"].emplace_back(Json::array());
    for (const Cell& cell : row) {
      cells.push_back(json_of(cell));
    }
  }
  return json;
}

Json json_of(const Picture& picture) {
  return {{"title", picture.title},
          {"note", picture.note},
          {"source", str("data:", picture.type, ";base64,", to_base64(picture.bytes))}};
}

Json json_of(const Section& section) {
  Json json{{"title", section.title},  {"note", section.note},    {"tabs", section.tabs},
            {"charts", Json::array()}, {"tables", Json::array()}, {"pictures", Json::array()}};
  for (const Chart& chart : section.charts) {
    if (has_data(chart)) {
      json["charts"].push_back(json_of(chart));
    }
  }
  for (const Table& table : section.tables) {
    if (!table.rows.empty()) {
      json["tables"].push_back(json_of(table));
    }
  }
  for (const Picture& picture : section.pictures) {
    json["pictures"].push_back(json_of(picture));
  }
  return json;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace

void drop_empty_columns(Table& table) {
  for (std::size_t i = table.columns.size(); i-- > 0;) {
    if (std::ranges::all_of(table.rows, [&](const auto& row) { return row.at(i).empty(); })) {
      const auto place = static_cast<std::ptrdiff_t>(i);
      table.columns.erase(table.columns.begin() + place);
      for (std::vector<Cell>& row : table.rows) {
        row.erase(row.begin() + place);
      }
    }
  }
}

Unit unit_of_metric(const std::string& name) {
  return name.find("loss") == std::string::npos ? Unit::kPercent : Unit::kNumber;
}

std::string to_json(const Page& page) {
  Json json{{"title", page.title},       {"notes", page.notes}, {"cards", Json::array()},
            {"baseline", page.baseline}, {"names", page.names}, {"sections", Json::array()},
            {"config", page.config}};
  for (const Card& card : page.cards) {
    json["cards"].push_back({{"value", card.value}, {"what", card.what}});
  }
  for (const Section& section : page.sections) {
    Json shown = json_of(section);
    if (!shown["charts"].empty() || !shown["tables"].empty() || !shown["pictures"].empty()) {
      json["sections"].push_back(std::move(shown));
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string page_html(const Page& page) {
  const std::string title = replaced(replaced(page.title, "&", "&amp;"), "<", "&lt;");
  // In JSON "<" stands in texts alone; without it no text ends the element that it lies in.
  const std::string data = replaced(to_json(page), "<", "\\u003c");
  const std::string_view source = page_source();
  const std::size_t title_at = source.find(kTitleMark);
  const std::size_t data_at = source.find(kDataMark, title_at);
  std::string html(source.substr(0, title_at));
  html += title;
  html += source.substr(title_at + kTitleMark.size(), data_at - title_at - kTitleMark.size());
  html += data;
  html += source.substr(data_at + kDataMark.size());
  return html;
}

void write_page(const std::filesystem::path& path, const Page& page) {
  write_file_atomic(path, page_html(page));
}

}  // namespace lorae::report
