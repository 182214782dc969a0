#include "data/objects.h"

#include <cmath>
#include <utility>

namespace lorae::data {
namespace {

/// The part of a polygon on one side of a line: Sutherland and Hodgman's step.
template <typename Inside, typename Crossing>
Polygon cut_at(const Polygon& polygon, Inside inside, Crossing crossing) {
  Polygon kept;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point& from = polygon[i];
    const Point& to = polygon[(i + 1) % polygon.size()];
    if (inside(from)) {
      kept.push_back(from);
    }
    if (inside(from) != inside(to)) {
      kept.push_back(crossing(from, to));
    }
  }
  return kept;
}

}  // namespace

Polygon clipped(Polygon polygon) {
  const auto at_x = [](double x) {
    return [x](const Point& a, const Point& b) {
      return Point{x, a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x)};
    };
  };
  const auto at_y = [](double y) {
    return [y](const Point& a, const Point& b) {
      return Point{a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y), y};
    };
  };
  polygon = cut_at(
      polygon, [](const Point& p) { return p.x >= 0; }, at_x(0));
  polygon = cut_at(
      polygon, [](const Point& p) { return p.x <= 1; }, at_x(1));
  polygon = cut_at(
      polygon, [](const Point& p) { return p.y >= 0; }, at_y(0));
  return cut_at(
      polygon, [](const Point& p) { return p.y <= 1; }, at_y(1));
}

double area(const Polygon& polygon) {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point& a = polygon[i];
    const Point& b = polygon[(i + 1) % polygon.size()];
    twice += a.x * b.y - b.x * a.y;
  }
  return std::abs(twice) / 2;
}

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
    polygon = clipped(std::move(polygon));
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
