#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/objects.h"

// Between the pixels of a thing and its outline, both ways without a loss: an outline runs along
// the borders of pixels, and a pixel belongs to it if its centre lies inside.
namespace lorae::data {

/// Pixels of one thing. Shape: [H, W], row by row, not 0 where it is.
struct Pixels {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> values;

  std::uint8_t at(std::int64_t y, std::int64_t x) const {
    return values[static_cast<std::size_t>(y * width + x)];
  }
};

/// One polygon for each part whose pixels touch at their sides; a hole is joined to its part's
/// border by a bridge of no width.
std::vector<Polygon> outlines(const Pixels& pixels);

/// One polygon that has the same inside: the parts joined by bridges of no width. For formats that
/// know one outline for each object. Precondition: the parts do not overlap; there is one.
Polygon joined(const std::vector<Polygon>& parts);

/// Sets `value` where the centre of a pixel lies in one of the polygons.
void fill(const std::vector<Polygon>& polygons, std::uint8_t value, Pixels& to);

/// The same of a box.
void fill(const Box& box, std::uint8_t value, Pixels& to);

}  // namespace lorae::data
