#include "data/objects.h"

namespace lorae::data {
namespace {

/// One side of Sutherland and Hodgman's clipping: keeps what `distance` calls positive.
template <typename Distance>
Polygon clipped_at(const Polygon& polygon, Distance distance) {
  Polygon kept;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point& from = polygon[i];
    const Point& to = polygon[(i + 1) % polygon.size()];
    const double a = distance(from), b = distance(to);
    if (a >= 0) {
      kept.push_back(from);
    }
    if ((a >= 0) != (b >= 0)) {
      const double t = a / (a - b);
      kept.push_back({.x = from.x + t * (to.x - from.x), .y = from.y + t * (to.y - from.y)});
    }
  }
  return kept;
}

Polygon clipped(const Polygon& polygon) {
  Polygon kept = clipped_at(polygon, [](const Point& p) { return p.x; });
  kept = clipped_at(kept, [](const Point& p) { return p.y; });
  kept = clipped_at(kept, [](const Point& p) { return 1 - p.x; });
  return clipped_at(kept, [](const Point& p) { return 1 - p.y; });
}

}  // namespace

Object moved(Object object, double scale_x, double scale_y, double left, double top) {
  object.box = {.x1 = scale_x * object.box.x1 + left,
                .y1 = scale_y * object.box.y1 + top,
                .x2 = scale_x * object.box.x2 + left,
                .y2 = scale_y * object.box.y2 + top};
  for (Polygon& polygon : object.polygons) {
    for (Point& point : polygon) {
      point = {.x = scale_x * point.x + left, .y = scale_y * point.y + top};
    }
  }
  return object;
}

Object cut(Object object) {
  const auto inside = [](double v) { return std::clamp(v, 0.0, 1.0); };
  for (Polygon& polygon : object.polygons) {
    polygon = clipped(polygon);
  }
  const bool outlined = !object.polygons.empty();
  std::erase_if(object.polygons, [](const Polygon& polygon) { return polygon.size() < 3; });
  if (!object.polygons.empty()) {
    object.box = extent(object.polygons);
  } else if (outlined) {
    object.box = {};
  }
  object.box = {.x1 = inside(object.box.x1),
                .y1 = inside(object.box.y1),
                .x2 = inside(object.box.x2),
                .y2 = inside(object.box.y2)};
  return object;
}

}  // namespace lorae::data
