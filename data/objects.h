#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

// What a picture shows and where. Everything is in fractions of the picture's width and height, as
// it stands upright: x to the right, y down, (0, 0) the top left corner of the first pixel, (1, 1)
// the bottom right corner of the last. So nothing changes when a picture is scaled.
namespace lorae::data {

struct Point {
  double x = 0, y = 0;

  bool operator==(const Point&) const = default;
};

struct Box {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;

  double width() const { return x2 - x1; }
  double height() const { return y2 - y1; }
  double area() const { return std::max(width(), 0.0) * std::max(height(), 0.0); }
  bool operator==(const Box&) const = default;
};

/// A closed outline; the last point is joined to the first.
using Polygon = std::vector<Point>;

/// One thing that a picture shows.
struct Object {
  std::int64_t label = 0;  ///< in [0, classes)
  Box box;
  std::vector<Polygon> polygons = {};  ///< its parts, joined; empty: only the box is known
  /// Not trained on, and neither right nor wrong where it is found: COCO's crowds, VOC's difficult
  /// objects.
  bool ignored = false;

  bool operator==(const Object&) const = default;
};

inline constexpr std::uint8_t kVoid = 255;

/// What a data set knows of its pictures.
enum class Annotation {
  kClass,     ///< one class each
  kBoxes,     ///< objects with boxes
  kOutlines,  ///< objects with boxes and, most of them, polygons
  kMasks,     ///< a class for each pixel
};

/// Pixels of a picture as it stands upright.
struct PictureSize {
  std::int64_t height = 0;
  std::int64_t width = 0;

  bool operator==(const PictureSize&) const = default;
};

/// The smallest box around all points. Precondition: there is one.
inline Box extent(const std::vector<Polygon>& polygons) {
  Box box{.x1 = 1e300, .y1 = 1e300, .x2 = -1e300, .y2 = -1e300};
  for (const Polygon& polygon : polygons) {
    for (const Point& point : polygon) {
      box.x1 = std::min(box.x1, point.x);
      box.y1 = std::min(box.y1, point.y);
      box.x2 = std::max(box.x2, point.x);
      box.y2 = std::max(box.y2, point.y);
    }
  }
  return box;
}

/// The object with each of its points at (scale_x x + left, scale_y y + top).
Object moved(Object object, double scale_x, double scale_y, double left, double top);

/// What of a polygon lies in the unit square; points on its border are there exactly.
/// Source: Sutherland and Hodgman 1974, "Reentrant Polygon Clipping".
Polygon clipped(Polygon polygon);

/// Of a polygon that does not cross itself, in fractions of the picture.
double area(const Polygon& polygon);

/// What a frame shows of an object that is given in its fractions: cut at the border. Of an object
/// outside nothing is left but an empty box.
Object cut(Object object);

}  // namespace lorae::data
