#include "data/formats/clipping.h"

#include <algorithm>
#include <cmath>

#include "base/str.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr double kRounding = 1e-3;  // of numbers with few digits

bool inside(const Box& box, double tolerance) {
  return box.x1 >= -tolerance && box.y1 >= -tolerance && box.x2 <= 1 + tolerance &&
         box.y2 <= 1 + tolerance;
}

}  // namespace

void add_clipped(Object object, const fs::path& file, std::int64_t line, Labelled& to) {
  const Box whole = object.box;
  const bool flat =
      !object.polygons.empty() &&
      std::ranges::all_of(object.polygons, [](const Polygon& p) { return !(area(p) > 0); });
  if (!(whole.area() > 0) || flat) {
    return to.complain(object.polygons.empty() ? Flaw::kBoxEmpty : Flaw::kPolygonFlat, file, line,
                       object.polygons.empty() ? "the box has no area" : "the polygon has no area");
  }
  const bool of_polygons = !object.polygons.empty() && whole == extent(object.polygons);
  object.box = {std::clamp(whole.x1, 0.0, 1.0), std::clamp(whole.y1, 0.0, 1.0),
                std::clamp(whole.x2, 0.0, 1.0), std::clamp(whole.y2, 0.0, 1.0)};
  if (!object.polygons.empty() && !inside(extent(object.polygons), 0)) {
    for (Polygon& polygon : object.polygons) {
      polygon = clipped(std::move(polygon));
    }
    std::erase_if(object.polygons, [](const Polygon& p) { return !(area(p) > 0); });
    if (of_polygons) {
      object.box = object.polygons.empty() ? Box{} : extent(object.polygons);
    }
  }
  if (!(object.box.area() > 0)) {
    return to.complain(Flaw::kBoxOutside, file, line, "the object is outside the picture");
  }
  if (!inside(whole, kRounding)) {
    to.complain(Flaw::kBoxClipped, file, line, "the object passes the picture's border");
  }
  if (!to.add(std::move(object))) {
    to.complain(Flaw::kRowTwice, file, line, "the same object as before");
  }
}

std::optional<Frame> frame_of(const PictureHead& head,
                              double width,
                              double height,
                              const fs::path& file,
                              std::int64_t line,
                              Labelled& to) {
  const auto known = [](PictureSize size) {
    return Frame{static_cast<double>(size.width), static_cast<double>(size.height), 1};
  };
  const bool said = std::isfinite(width) && std::isfinite(height) && width > 0 && height > 0;
  if (head.size.width == 0) {  // its size is known after decoding alone, or it cannot be read
    return said ? std::optional(Frame{width, height, 1}) : std::nullopt;
  }
  if (!said) {
    to.complain(Flaw::kSizeMissing, file, line, "the picture's size is not said");
    return known(head.size);
  }
  const auto is = [&](PictureSize size) {
    return width == static_cast<double>(size.width) && height == static_cast<double>(size.height);
  };
  if (is(head.size)) {
    return known(head.size);
  }
  if (is(head.stored())) {
    return Frame{width, height, head.orientation};
  }
  to.complain(Flaw::kSizeDiffers, file, line,
              str("labels are for ", width, " x ", height, " pixels, the picture has ",
                  head.size.width, " x ", head.size.height));
  return std::nullopt;
}

Box Frame::box(double x1, double y1, double x2, double y2) const {
  const Point a = point(x1, y1), b = point(x2, y2);
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)};
}

Point Frame::point(double x, double y) const {
  return upright({x / width, y / height}, orientation);
}

}  // namespace lorae::data
