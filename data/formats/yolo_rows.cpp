#include "data/formats/yolo_rows.h"

#include <algorithm>
#include <cmath>

#include "base/str.h"
#include "data/formats/clipping.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr double kPixels = 2;  // fractions never come near

/// One row; its numbers are all numbers.
class Row {
 public:
  Row(const fs::path& file, std::int64_t line, Labelled& to) : file_(file), line_(line), to_(to) {}

  void read(const std::vector<std::string_view>& words, std::int64_t classes) {
    std::vector<double> numbers;
    for (const std::string_view word : words) {
      const auto number = number_of(word);
      if (!number) {
        return complain(Flaw::kRowNumber, str(shown(word), " is no number"));
      }
      if (!std::isfinite(*number)) {
        return complain(Flaw::kRowNotFinite, str(shown(word), " is no finite number"));
      }
      numbers.push_back(*number);
    }
    Object object;
    if (!take_class(numbers.front(), classes, object)) {
      return;
    }
    const double largest = *std::max_element(numbers.begin() + 1, numbers.end());
    if (largest > kPixels) {
      return complain(Flaw::kBoxInPixels,
                      str("expected fractions of the picture in [0, 1], got ", largest,
                          "; divide x and w by its width, y and h by its height"));
    }
    numbers.size() == 5 ? take_box(numbers, std::move(object))
                        : take_polygon(numbers, std::move(object));
  }

 private:
  void complain(Flaw flaw, std::string what) { to_.complain(flaw, file_, line_, std::move(what)); }

  bool take_class(double number, std::int64_t classes, Object& object) {
    if (number != std::floor(number)) {
      complain(Flaw::kClassFraction, str("class ", number, ": expected a whole number"));
      return false;
    }
    if (number < 0 || number >= static_cast<double>(classes)) {
      complain(Flaw::kClassOutOfRange,
               str("class ", number, ": expected one in [0, ", classes, ")"));
      return false;
    }
    object.label = static_cast<std::int64_t>(number);
    return true;
  }

  void take_box(const std::vector<double>& n, Object object) {
    if (n[3] < 0 || n[4] < 0) {
      return complain(Flaw::kBoxNegative, str("the box is ", n[3], " wide and ", n[4], " high"));
    }
    object.box = {n[1] - n[3] / 2, n[2] - n[4] / 2, n[1] + n[3] / 2, n[2] + n[4] / 2};
    add_clipped(std::move(object), file_, line_, to_);
  }

  void take_polygon(const std::vector<double>& n, Object object) {
    if (n.size() % 2 == 0) {
      return complain(Flaw::kPolygonOdd, str("expected pairs of x and y behind the class, got ",
                                             n.size() - 1, " numbers"));
    }
    Polygon& polygon = object.polygons.emplace_back();
    for (std::size_t i = 1; i < n.size(); i += 2) {
      polygon.push_back({n[i], n[i + 1]});
    }
    object.box = extent(object.polygons);
    add_clipped(std::move(object), file_, line_, to_);
  }

  const fs::path& file_;
  std::int64_t line_;
  Labelled& to_;
};

}  // namespace

void read_yolo_rows(std::string_view text,
                    const fs::path& file,
                    std::int64_t classes,
                    Labelled& to) {
  bool boxes = false, polygons = false;
  std::int64_t line = 0;
  for (const std::string_view row : lines_of(text)) {
    ++line;
    const std::vector<std::string_view> words = words_of(row);
    if (words.empty()) {
      continue;
    }
    if (words.size() < 5 || words.size() == 6) {
      to.complain(words.size() == 3 ? Flaw::kPolygonShort : Flaw::kRowFields, file, line,
                  str("expected class cx cy w h, or class x1 y1 x2 y2 x3 y3 ..., got ",
                      words.size(), " fields"));
      continue;
    }
    (words.size() == 5 ? boxes : polygons) = true;
    Row(file, line, to).read(words, classes);
  }
  if (boxes && polygons) {
    to.complain(Flaw::kRowsMixed, file, 0, "it has rows of boxes and rows of polygons");
  }
}

}  // namespace lorae::data
