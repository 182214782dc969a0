#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lorae::report {

/// Text for HTML and XML: the five special characters escaped, control characters dropped.
std::string escape(std::string_view text);

/// The first `size` characters of a UTF-8 text, ended by an ellipsis if some were cut.
std::string shorten(std::string_view text, std::size_t size);

/// Class names of a colour: 0 is the neutral one of the baseline, the others repeat after 6.
std::string stroke_class(int color);
std::string fill_class(int color);

/// CSS custom properties of the light and the dark theme, and the classes that charts use.
/// Source: Okabe & Ito 2008, "Color Universal Design"; lightened for the dark theme.
std::string chart_style();

/// A drawing under construction. Units: pixels at its natural size; it scales with the page.
class Canvas {
 public:
  enum class Anchor { kStart, kMiddle, kEnd };

  /// `label` is what a screen reader says.
  Canvas(double width, double height, std::string label);

  void line(double x1, double y1, double x2, double y2, std::string_view classes);
  void path(std::string_view data, std::string_view classes);
  void circle(double x, double y, double radius, std::string_view classes);
  /// `title` is shown by the browser when the pointer rests on it.
  void rectangle(double x,
                 double y,
                 double width,
                 double height,
                 std::string_view classes,
                 double opacity = 1,
                 std::string_view title = {});
  void text(double x,
            double y,
            std::string_view text,
            Anchor anchor = Anchor::kStart,
            std::string_view classes = {});
  /// Text that reads upwards, centred on (x, y).
  void upward_text(double x, double y, std::string_view text);
  /// Text that rises to the right from (x, y).
  void slanted_text(double x, double y, std::string_view text);

  /// For a page that has `chart_style`.
  std::string inline_svg() const;
  /// For a file of its own.
  std::string standalone_svg() const;

 private:
  std::string open_tag(std::string_view attributes) const;

  double width_;
  double height_;
  std::string label_;
  std::string body_;
};

/// "12.5": a coordinate, in few characters.
std::string coordinate(double value);

/// About `count` round numbers (1, 2 or 5 times a power of ten) that cover [low, high].
std::vector<double> linear_ticks(double low, double high, int count);

/// The powers of ten in [low, high], with 2 and 5 times them if there are few. Precondition: low >
/// 0.
std::vector<double> log_ticks(double low, double high);

}  // namespace lorae::report
