#include "data/formats/outline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace lorae::data {
namespace {

/// A corner of pixels, or a step between two.
struct Corner {
  std::int64_t x = 0, y = 0;

  bool operator==(const Corner&) const = default;
};

using Loop = std::vector<Corner>;

constexpr std::array<Corner, 4> kSteps = {Corner{1, 0}, {0, 1}, {-1, 0}, {0, -1}};

/// Walks along the borders of pixels with the thing on the right hand.
class Tracer {
 public:
  explicit Tracer(const Pixels& pixels)
      : pixels_(pixels),
        walked_(static_cast<std::size_t>((pixels.height + 1) * pixels.width), false) {}

  /// All borders, of holes too, which run the other way round.
  std::vector<Loop> loops() {
    std::vector<Loop> found;
    for (std::int64_t y = 0; y <= pixels_.height; ++y) {
      for (std::int64_t x = 0; x < pixels_.width; ++x) {
        // A border along the top of a pixel of the thing: to the right; below one: to the left.
        const bool above = on(x, y - 1), below = on(x, y);
        if (above != below && !walked_[place(x, y)]) {
          found.push_back(below ? walk({x, y}, 0) : walk({x + 1, y}, 2));
        }
      }
    }
    return found;
  }

 private:
  bool on(std::int64_t x, std::int64_t y) const {
    return x >= 0 && y >= 0 && x < pixels_.width && y < pixels_.height && pixels_.at(y, x) != 0;
  }
  std::size_t place(std::int64_t x, std::int64_t y) const {
    return static_cast<std::size_t>(y * pixels_.width + x);
  }
  /// True if a border leaves `from` in this direction, the thing on its right.
  bool leads(Corner from, std::size_t direction) const {
    const auto [x, y] = from;
    switch (direction) {
      case 0:
        return on(x, y) && !on(x, y - 1);
      case 1:
        return on(x - 1, y) && !on(x, y);
      case 2:
        return on(x - 1, y - 1) && !on(x - 1, y);
      default:
        return on(x, y - 1) && !on(x - 1, y - 1);
    }
  }

  Loop walk(Corner start, std::size_t direction) {
    Loop loop;
    const std::size_t first = direction;
    Corner at = start;
    do {
      if (direction == 0) {
        walked_[place(at.x, at.y)] = true;
      } else if (direction == 2) {
        walked_[place(at.x - 1, at.y)] = true;
      }
      at = {at.x + kSteps.at(direction).x, at.y + kSteps.at(direction).y};
      // Right before straight: pixels that touch at a corner alone are two parts.
      std::size_t next = (direction + 1) % 4;
      while (!leads(at, next)) {
        next = (next + 3) % 4;
      }
      if (next != direction) {
        loop.push_back(at);
      }
      direction = next;
    } while (!(at == start && direction == first));
    return loop;
  }

  const Pixels& pixels_;
  std::vector<bool> walked_;
};

/// Twice the area; positive for a border around a thing, negative around a hole.
std::int64_t signed_area(const Loop& loop) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < loop.size(); ++i) {
    const Corner& a = loop[i];
    const Corner& b = loop[(i + 1) % loop.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum;
}

bool lies_in(const Loop& loop, double x, double y) {
  bool in = false;
  for (std::size_t i = 0; i < loop.size(); ++i) {
    const Corner& a = loop[i];
    const Corner& b = loop[(i + 1) % loop.size()];
    const bool crosses = (static_cast<double>(a.y) > y) != (static_cast<double>(b.y) > y);
    if (crosses && static_cast<double>(a.x) > x) {  // sides stand upright where they cross
      in = !in;
    }
  }
  return in;
}

/// `more` joined to `to` between two points, and back.
template <typename P>
void bridge(std::vector<P>& to, std::size_t from, const std::vector<P>& more, std::size_t start) {
  std::vector<P> way;
  for (std::size_t i = 0; i <= more.size(); ++i) {
    way.push_back(more[(start + i) % more.size()]);
  }
  way.push_back(to[from]);
  to.insert(to.begin() + static_cast<std::ptrdiff_t>(from) + 1, way.begin(), way.end());
}

/// The nearest point of `to` for the first of `more`.
template <typename P>
std::size_t nearest(const std::vector<P>& to, const P& point) {
  const auto distance = [&](const P& other) {
    const auto dx = static_cast<double>(other.x - point.x);
    const auto dy = static_cast<double>(other.y - point.y);
    return dx * dx + dy * dy;
  };
  return static_cast<std::size_t>(std::ranges::min_element(to, {}, distance) - to.begin());
}

void fill_row(const Polygon& polygon, std::int64_t y, std::uint8_t value, Pixels& to) {
  const auto width = static_cast<double>(to.width), height = static_cast<double>(to.height);
  const double middle = static_cast<double>(y) + 0.5;
  std::vector<double> crossings;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point& a = polygon[i];
    const Point& b = polygon[(i + 1) % polygon.size()];
    if ((a.y * height > middle) != (b.y * height > middle)) {
      // From the upper end, so that both ways over a bridge cross at the same place.
      const Point &upper = a.y < b.y ? a : b, &lower = a.y < b.y ? b : a;
      const double part = (middle - upper.y * height) / ((lower.y - upper.y) * height);
      crossings.push_back((upper.x + (lower.x - upper.x) * part) * width);
    }
  }
  std::ranges::sort(crossings);
  for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
    const auto begin = std::clamp<double>(std::ceil(crossings[i] - 0.5), 0, width);
    const auto end = std::clamp<double>(std::ceil(crossings[i + 1] - 0.5), 0, width);
    for (auto x = static_cast<std::int64_t>(begin); x < static_cast<std::int64_t>(end); ++x) {
      to.values[static_cast<std::size_t>(y * to.width + x)] = value;
    }
  }
}

}  // namespace

std::vector<Polygon> outlines(const Pixels& pixels) {
  std::vector<Loop> parts, holes;
  for (Loop& loop : Tracer(pixels).loops()) {
    (signed_area(loop) > 0 ? parts : holes).push_back(std::move(loop));
  }
  std::vector<std::int64_t> areas;
  std::ranges::transform(parts, std::back_inserter(areas), signed_area);
  std::vector<Loop> whole = parts;
  for (const Loop& hole : holes) {
    // The pixel on the hole's inner side of its first corner tells whose hole it is: the smallest
    // part around it.
    const auto top =
        std::ranges::min_element(hole, {}, [](const Corner& c) { return std::pair(c.y, c.x); });
    std::size_t owner = parts.size();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (lies_in(parts[i], static_cast<double>(top->x) + 0.5, static_cast<double>(top->y) - 0.5) &&
          (owner == parts.size() || areas[i] < areas[owner])) {
        owner = i;
      }
    }
    if (owner < parts.size()) {
      bridge(whole[owner], nearest(whole[owner], hole.front()), hole, 0);
    }
  }
  std::vector<Polygon> polygons;
  for (const Loop& loop : whole) {
    Polygon& polygon = polygons.emplace_back();
    for (const Corner& corner : loop) {
      polygon.push_back({static_cast<double>(corner.x) / static_cast<double>(pixels.width),
                         static_cast<double>(corner.y) / static_cast<double>(pixels.height)});
    }
  }
  return polygons;
}

Polygon joined(const std::vector<Polygon>& parts) {
  Polygon all = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!parts[i].empty()) {
      bridge(all, nearest(all, parts[i].front()), parts[i], 0);
    }
  }
  return all;
}

void fill(const std::vector<Polygon>& polygons, std::uint8_t value, Pixels& to) {
  for (const Polygon& polygon : polygons) {
    if (polygon.empty()) {
      continue;
    }
    const Box box = extent({polygon});
    const auto height = static_cast<double>(to.height);
    const auto top =
        static_cast<std::int64_t>(std::clamp(std::floor(box.y1 * height), 0.0, height));
    const auto end = static_cast<std::int64_t>(std::clamp(std::ceil(box.y2 * height), 0.0, height));
    for (std::int64_t y = top; y < end; ++y) {
      fill_row(polygon, y, value, to);
    }
  }
}

void fill(const Box& box, std::uint8_t value, Pixels& to) {
  fill({Polygon{{box.x1, box.y1}, {box.x2, box.y1}, {box.x2, box.y2}, {box.x1, box.y2}}}, value,
       to);
}

}  // namespace lorae::data
