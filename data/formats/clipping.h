#pragma once

#include <optional>

#include "data/formats/catalogue.h"
#include "data/picture_head.h"

namespace lorae::data {

/// Adds an object whose box and polygons may pass the picture's border, which cuts them, or notes
/// why it is left out: nothing of it is inside, it has no area, or it is there already. A box that
/// is not the extent of the polygons is one of its own, and stays. Precondition: all finite.
void add_clipped(Object object, const std::filesystem::path& file, std::int64_t line, Labelled& to);

/// The picture in whose pixels a label is written.
struct Frame {
  double width = 1, height = 1;
  unsigned orientation = 1;

  /// In fractions of the upright picture.
  Point point(double x, double y) const;
  Box box(double x1, double y1, double x2, double y2) const;
};

/// Of a label that says it is for so many pixels: those of the upright picture, or of the lying one
/// that the file keeps. Nothing, with a problem, if it is neither. `width`: NaN if it does not say.
std::optional<Frame> frame_of(const PictureHead& head,
                              double width,
                              double height,
                              const std::filesystem::path& file,
                              std::int64_t line,
                              Labelled& to);

}  // namespace lorae::data
