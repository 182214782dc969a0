#include "data/formats/voc_xml.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <pugixml.hpp>

#include "base/str.h"
#include "data/formats/clipping.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

/// Reads one annotation.
class Annotated {
 public:
  Annotated(std::string_view text,
            const std::filesystem::path& file,
            std::span<const std::string> classes,
            Labelled& to)
      : text_(text), file_(file), classes_(classes), to_(to) {}

  void read(const PictureHead& head) {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_buffer(text_.data(), text_.size());
    if (!parsed) {
      return complain(Flaw::kXmlBroken, line_at(parsed.offset),
                      str("no XML: ", parsed.description()));
    }
    const pugi::xml_node root = document.child("annotation");
    if (!root) {
      return complain(Flaw::kXmlBroken, 1, "expected an <annotation>");
    }
    const pugi::xml_node size = root.child("size");
    const auto frame = frame_of(head, number_in(size, "width"), number_in(size, "height"), file_,
                                size ? line_of(size) : 0, to_);
    for (const pugi::xml_node object : root.children("object")) {
      read_object(object, frame.value_or(Frame{}), frame.has_value());
    }
  }

 private:
  void complain(Flaw flaw, std::int64_t line, std::string what) {
    to_.complain(flaw, file_, line, std::move(what));
  }
  std::int64_t line_at(std::ptrdiff_t offset) const {
    const auto end = std::clamp<std::ptrdiff_t>(offset, 0, std::ssize(text_));
    return 1 + std::count(text_.begin(), text_.begin() + end, '\n');
  }
  std::int64_t line_of(pugi::xml_node node) const { return line_at(node.offset_debug()); }

  static double number_in(pugi::xml_node node, const char* name) {
    return number_of(trimmed(node.child(name).text().get()))
        .value_or(std::numeric_limits<double>::quiet_NaN());
  }

  void read_object(pugi::xml_node node, const Frame& frame, bool has_frame) {
    const std::int64_t line = line_of(node);
    const std::string name(trimmed(node.child("name").text().get()));
    const auto label = std::ranges::find(classes_, name);
    if (label == classes_.end()) {
      return complain(Flaw::kClassUnknown, line,
                      str("class ", shown(name), " is none of the set's ", classes_.size(),
                          " classes; name them, one a line, in a classes.txt in the set's folder"));
    }
    const pugi::xml_node box = node.child("bndbox");
    if (!box) {
      return complain(Flaw::kBoxMissing, line, "the object has no <bndbox>");
    }
    std::array<double, 4> sides{};
    std::size_t i = 0;
    for (const char* side : {"xmin", "ymin", "xmax", "ymax"}) {
      const std::string_view text = trimmed(box.child(side).text().get());
      const auto number = number_of(text);
      if (!number) {
        return complain(Flaw::kRowNumber, line_of(box),
                        str(side, ": ", shown(text), " is no number"));
      }
      if (!std::isfinite(*number)) {
        return complain(Flaw::kRowNotFinite, line_of(box),
                        str(side, ": ", shown(text), " is no finite number"));
      }
      sides.at(i++) = *number;
    }
    const auto [xmin, ymin, xmax, ymax] = sides;
    if (xmax < xmin || ymax < ymin) {
      return complain(
          Flaw::kBoxNegative, line_of(box),
          str("the box goes from (", xmin, ", ", ymin, ") back to (", xmax, ", ", ymax, ")"));
    }
    if (!has_frame) {
      return;
    }
    // Tools that count from 0 write a 0 for the border.
    const Box inside = frame.box(xmin == 0 ? 0 : xmin - 1, ymin == 0 ? 0 : ymin - 1, xmax, ymax);
    const bool difficult = number_in(node, "difficult") == 1;
    add_clipped(
        {.label = label - classes_.begin(), .box = inside, .polygons = {}, .ignored = difficult},
        file_, line, to_);
  }

  std::string_view text_;
  const std::filesystem::path& file_;
  std::span<const std::string> classes_;
  Labelled& to_;
};

}  // namespace

void read_voc_xml(std::string_view text,
                  const std::filesystem::path& file,
                  std::span<const std::string> classes,
                  const PictureHead& head,
                  Labelled& to) {
  Annotated(text, file, classes, to).read(head);
}

}  // namespace lorae::data
