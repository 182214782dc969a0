#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace lorae::report {

// What a page shows, whatever it is about: the files of report/page/ draw it in a browser.

/// How a number is written: "1,234", "0.0123", "87.3 %" of 0.873, "26.8 kB", "1.5 min", "40.5x".
enum class Unit { kText, kCount, kNumber, kPercent, kBytes, kSeconds, kTimes };

struct Axis {
  std::string label = {};
  Unit unit = Unit::kNumber;
  bool log = false;         ///< at first
  bool can_switch = false;  ///< a button makes it logarithmic and back
  bool from_zero = false;
};

/// Of a line, with what its seeds reached there. Left out if not finite.
struct Point {
  double x = 0;
  double y = 0;
  double low = y;
  double high = y;
};

struct Series {
  std::string name = {};            ///< one of `Page::names` keeps its colour in all charts
  std::vector<Point> points = {};   ///< of a line
  std::vector<double> values = {};  ///< of bars: one for each label
  bool bold = false;                ///< a line that stands out
};

/// Lines, or bars if it has labels.
struct Chart {
  std::string title = {};
  std::string tab = {};  ///< its button in a section of tabs; "": the title
  std::string note = {};
  Axis x = {};
  Axis y = {};
  std::vector<Series> series = {};
  std::vector<std::string> labels = {};
  bool upright = false;  ///< bars that stand
  bool stacked = false;
};

/// Nothing, a text, a number in its column's unit, or a number with a text of its own.
struct Cell {
  Cell() = default;
  Cell(std::string shown) : text(std::move(shown)) {}
  Cell(const char* shown) : text(shown) {}
  Cell(double value) : number(value) {}
  Cell(std::int64_t value) : number(static_cast<double>(value)) {}
  Cell(double value, std::string shown, std::string tells = {})
      : number(value), text(std::move(shown)), hint(std::move(tells)) {}

  bool empty() const { return text.empty() && !(number && std::isfinite(*number)); }

  std::optional<double> number = {};  ///< what is copied and sorted by
  std::string text = {};              ///< "": the number in its column's unit
  std::string hint = {};              ///< under the pointer
};

struct Column {
  std::string name = {};
  Unit unit = Unit::kText;
};

struct Table {
  std::string title = {};
  std::string note = {};
  std::vector<Column> columns = {};
  std::vector<std::vector<Cell>> rows = {};
  bool open = true;   ///< else behind its title
  bool heat = false;  ///< numbers are coloured by their size
};

/// A picture that lies in the page.
struct Picture {
  std::string title = {};
  std::string note = {};
  std::string type = "image/jpeg";
  Bytes bytes = {};
};

struct Section {
  std::string title = {};
  std::string note = {};
  std::vector<Chart> charts = {};
  std::vector<Table> tables = {};
  std::vector<Picture> pictures = {};
  bool tabs = false;  ///< one chart at a time
};

struct Card {
  std::string value = {};
  std::string what = {};
};

struct Page {
  std::string title = {};
  std::vector<std::string> notes = {};  ///< lines below the title
  std::vector<Card> cards = {};
  std::string baseline = {};            ///< a name with a neutral colour; "" if there is none
  std::vector<std::string> names = {};  ///< series with one colour in all charts
  std::vector<Section> sections = {};
  std::string config = {};  ///< TOML
};

/// Takes columns without a value out.
void drop_empty_columns(Table& table);

/// The unit of a metric by its name: losses are numbers, the others fractions.
Unit unit_of_metric(const std::string& name);

/// What the page's program reads: the fields of Page under their names, `log` and `switch` of axes,
/// points as [x, y] or [x, y, low, high], cells as null, "text", number, [number, "text"] or
/// [number, "text", "hint"], "bold" where it is true; pictures with a "source" of data:; numbers
/// that are not finite as null. Sections, charts and series without data are left out.
std::string to_json(const Page& page);

/// One self-contained HTML page with the chart library in it, which needs no network. No text of
/// `page` can become markup.
std::string page_html(const Page& page);

/// Errors: kUnavailable if the file cannot be written.
void write_page(const std::filesystem::path& path, const Page& page);

}  // namespace lorae::report
