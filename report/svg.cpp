#include "report/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "base/str.h"
#include "report/text.h"

namespace lorae::report {
namespace {

constexpr int kColors = 6;

constexpr std::array<std::string_view, kColors + 1> kLight = {
    "#5f6672", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b37c00", "#3d9bd1"};
constexpr std::array<std::string_view, kColors + 1> kDark = {
    "#9aa3b0", "#4fa8e0", "#f58a3c", "#2fc29b", "#e39cc3", "#f2be4e", "#a3dcf8"};

// Colours alone do not tell lines apart in print or for everybody.
constexpr std::array<std::string_view, kColors + 1> kDashes = {
    "6 4", "none", "10 3", "2 3", "12 3 2 3", "5 2", "8 2 2 2 2 2"};

std::string palette(const std::array<std::string_view, kColors + 1>& colors) {
  std::string text;
  for (std::size_t i = 0; i < colors.size(); ++i) {
    text += str("--c", i, ":", colors[i], ";");
  }
  return text;
}

std::size_t color_index(int color) {
  return color <= 0 ? 0 : 1 + static_cast<std::size_t>((color - 1) % kColors);
}

std::string_view anchor_name(Canvas::Anchor anchor) {
  switch (anchor) {
    case Canvas::Anchor::kMiddle:
      return "middle";
    case Canvas::Anchor::kEnd:
      return "end";
    default:
      return "start";
  }
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') {
          result += c;
        }
    }
  }
  return result;
}

std::string shorten(std::string_view text, std::size_t size) {
  const auto starts_character = [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  };
  std::size_t characters = 0;
  std::size_t cut = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (starts_character(text[i]) && ++characters == size) {
      cut = i;
    }
  }
  return characters <= size ? std::string(text) : std::string(text.substr(0, cut)) + "\u2026";
}

std::string stroke_class(int color) {
  return str("s", color_index(color));
}

std::string fill_class(int color) {
  return str("f", color_index(color));
}

std::string chart_style() {
  const std::string light =
      "--paper:#ffffff;--panel:#f6f7f9;--ink:#1c2128;--soft:#5b6470;--rule:#d9dde3;--raw:#adb5c0;"
      "--heat:#0072b2;--on-heat:#ffffff;" +
      palette(kLight);
  const std::string dark =
      "--paper:#14171c;--panel:#1d2127;--ink:#e6e9ee;--soft:#a2abb8;--rule:#363d47;--raw:#59626f;"
      "--heat:#56b4e9;--on-heat:#10141a;" +
      palette(kDark);
  std::string style = ":root{color-scheme:light dark;" + light + "}\n" +
                      "@media(prefers-color-scheme:dark){:root{" + dark + "}}\n";
  style +=
      "svg text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--ink)}\n"
      "svg .soft{fill:var(--soft)}svg .strong{font-weight:600}\n"
      "svg .title{font-size:15px;font-weight:600}\n"
      "svg .rule{stroke:var(--rule);stroke-width:1}svg .axis{stroke:var(--soft);stroke-width:1}\n"
      "svg .curve{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}\n"
      "svg .band{stroke:none;fill-opacity:.16}svg .whisker{stroke-width:2.2}\n"
      "svg .paper{fill:var(--paper)}svg .heat{fill:var(--heat)}svg .empty{fill:var(--panel)}\n"
      "svg .on-heat{fill:var(--on-heat)}svg .raw{fill:var(--raw)}\n"
      "svg .small{font-size:10px}\n";
  for (std::size_t i = 0; i < kLight.size(); ++i) {
    style += str(".s", i, "{stroke:var(--c", i, ")}.f", i, "{fill:var(--c", i, ")}.curve.s", i,
                 "{stroke-dasharray:", kDashes[i], "}\n");
  }
  return style;
}

std::string coordinate(double value) {
  std::string text = fixed_text(value, 1);
  if (text.ends_with(".0")) {
    text.resize(text.size() - 2);
  }
  return text;
}

Canvas::Canvas(double width, double height, std::string label)
    : width_(width), height_(height), label_(std::move(label)) {}

void Canvas::line(double x1, double y1, double x2, double y2, std::string_view classes) {
  body_ += str("<line class=\"", classes, "\" x1=\"", coordinate(x1), "\" y1=\"", coordinate(y1),
               "\" x2=\"", coordinate(x2), "\" y2=\"", coordinate(y2), "\"/>\n");
}

void Canvas::path(std::string_view data, std::string_view classes) {
  body_ += str("<path class=\"", classes, "\" d=\"", data, "\"/>\n");
}

void Canvas::circle(double x, double y, double radius, std::string_view classes) {
  body_ += str("<circle class=\"", classes, "\" cx=\"", coordinate(x), "\" cy=\"", coordinate(y),
               "\" r=\"", coordinate(radius), "\"/>\n");
}

void Canvas::rectangle(double x,
                       double y,
                       double width,
                       double height,
                       std::string_view classes,
                       double opacity,
                       std::string_view title) {
  body_ += str("<rect class=\"", classes, "\" x=\"", coordinate(x), "\" y=\"", coordinate(y),
               "\" width=\"", coordinate(width), "\" height=\"", coordinate(height), "\"");
  if (opacity < 1) {
    body_ += str(" fill-opacity=\"", fixed_text(opacity, 2), "\"");
  }
  body_ += title.empty() ? "/>\n" : str("><title>", escape(title), "</title></rect>\n");
}

void Canvas::text(
    double x, double y, std::string_view text, Anchor anchor, std::string_view classes) {
  body_ += str("<text class=\"", classes, "\" x=\"", coordinate(x), "\" y=\"", coordinate(y),
               "\" text-anchor=\"", anchor_name(anchor), "\">", escape(text), "</text>\n");
}

void Canvas::upward_text(double x, double y, std::string_view text) {
  body_ += str("<text class=\"soft\" text-anchor=\"middle\" transform=\"translate(", coordinate(x),
               " ", coordinate(y), ") rotate(-90)\">", escape(text), "</text>\n");
}

void Canvas::slanted_text(double x, double y, std::string_view text) {
  body_ += str("<text class=\"small soft\" transform=\"translate(", coordinate(x), " ",
               coordinate(y), ") rotate(-50)\">", escape(text), "</text>\n");
}

std::string Canvas::open_tag(std::string_view attributes) const {
  return str("<svg ", attributes, " viewBox=\"0 0 ", coordinate(width_), " ", coordinate(height_),
             "\" role=\"img\" aria-label=\"", escape(label_), "\">\n");
}

std::string Canvas::inline_svg() const {
  return open_tag(str("style=\"max-width:", coordinate(width_), "px\"")) + body_ + "</svg>\n";
}

std::string Canvas::standalone_svg() const {
  const std::string size = str("xmlns=\"http://www.w3.org/2000/svg\" width=\"", coordinate(width_),
                               "\" height=\"", coordinate(height_), "\"");
  const std::string paper = "<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n";
  return open_tag(size) + "<style>\n" + chart_style() + "</style>\n" + paper + body_ + "</svg>\n";
}

std::vector<double> linear_ticks(double low, double high, int count) {
  const double width = high > low ? high - low : std::max(std::abs(high), 1e-3);
  const double rough = width / std::max(count, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double step = power * (rough <= power       ? 1
                               : rough <= 2 * power ? 2
                               : rough <= 5 * power ? 5
                                                    : 10);
  const double first = std::floor(low / step + 1e-9);
  const double last = std::max(std::ceil(high / step - 1e-9), first + 1);
  std::vector<double> ticks;
  for (int i = 0; first + i <= last; ++i) {
    ticks.push_back((first + i) * step);
  }
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  const auto collect = [&](std::initializer_list<double> factors) {
    std::vector<double> ticks;
    const int highest = static_cast<int>(std::floor(std::log10(high)));
    for (int power = static_cast<int>(std::floor(std::log10(low))); power <= highest; ++power) {
      for (const double factor : factors) {
        const double tick = factor * std::pow(10.0, power);
        if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) {
          ticks.push_back(tick);
        }
      }
    }
    return ticks;
  };
  std::vector<double> ticks = collect({1});
  return ticks.size() >= 3 ? ticks : collect({1, 2, 5});
}

}  // namespace lorae::report
