#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "tasks/metrics/draw.h"

// Outlines as COCO draws them: borders are followed at five times the resolution; where a border
// goes from one column of pixels to the next, the pixels below change sides.
namespace lorae::tasks::metrics {
namespace {

constexpr double kScale = 5;
constexpr double kFarthest = 65536;  // pixels

struct Cell {
  std::int64_t x = 0, y = 0;
};

/// Towards zero, of negative values, too: as COCO's code casts.
std::int64_t cast(double value) {
  return static_cast<std::int64_t>(value);
}

Cell fine_cell(const data::Point& point) {
  check(std::abs(point.x) <= kFarthest && std::abs(point.y) <= kFarthest,
        ErrorCode::kInvalidArgument, "[tasks] an outline: a point at (", point.x, ", ", point.y,
        ")");
  return {cast(kScale * point.x + 0.5), cast(kScale * point.y + 0.5)};
}

/// Appends the cells from `from` to `to`, both included. Lines are drawn from their left or upper
/// end, so that neighbours share them.
void follow(Cell from, Cell to, std::vector<Cell>& line) {
  const std::int64_t dx = std::abs(to.x - from.x), dy = std::abs(to.y - from.y);
  const bool flat = dx >= dy;
  const bool turned = flat ? from.x > to.x : from.y > to.y;
  if (turned) {
    std::swap(from, to);
  }
  const std::int64_t steps = std::max(dx, dy);
  const double slope = steps == 0 ? 0
                                  : static_cast<double>(flat ? to.y - from.y : to.x - from.x) /
                                        static_cast<double>(steps);
  for (std::int64_t i = 0; i <= steps; ++i) {
    const std::int64_t t = turned ? steps - i : i;
    const auto across = [&](std::int64_t start) {
      return cast(static_cast<double>(start) + slope * static_cast<double>(t) + 0.5);
    };
    line.push_back(flat ? Cell{from.x + t, across(from.y)} : Cell{across(from.x), from.y + t});
  }
}

/// Where pixels change sides, as places in a picture that is counted column by column.
std::vector<std::int64_t> crossings(const std::vector<Cell>& line,
                                    std::int64_t height,
                                    std::int64_t width) {
  std::vector<std::int64_t> places;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i].x == line[i - 1].x) {
      continue;
    }
    const auto fine = static_cast<double>(line[i].x < line[i - 1].x ? line[i].x : line[i].x - 1);
    const double x = (fine + 0.5) / kScale - 0.5;
    if (std::floor(x) != x || x < 0 || x > static_cast<double>(width - 1)) {
      continue;
    }
    const auto higher = static_cast<double>(std::min(line[i].y, line[i - 1].y));
    const double y = std::clamp((higher + 0.5) / kScale - 0.5, 0.0, static_cast<double>(height));
    places.push_back(static_cast<std::int64_t>(x) * height +
                     static_cast<std::int64_t>(std::ceil(y)));
  }
  return places;
}

}  // namespace

Rle drawn(const data::Polygon& outline, std::int64_t height, std::int64_t width) {
  std::vector<Cell> corners;
  for (const data::Point& point : outline) {
    corners.push_back(fine_cell(point));
  }
  std::vector<Cell> line;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    follow(corners[i], corners[(i + 1) % corners.size()], line);
  }
  std::vector<std::int64_t> places = crossings(line, height, width);
  places.push_back(height * width);
  std::sort(places.begin(), places.end());

  Rle mask{height, width, {}};
  std::int64_t before = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto run = static_cast<std::uint32_t>(places[i] - before);
    before = places[i];
    if (run > 0 || i == 0) {
      mask.counts.push_back(run);
    } else if (++i < places.size()) {  // two changes at one place are none
      mask.counts.back() += static_cast<std::uint32_t>(places[i] - before);
      before = places[i];
    }
  }
  return mask;
}

}  // namespace lorae::tasks::metrics
