#pragma once

#include "data/rle.h"

namespace lorae::tasks::metrics {

using data::Rle;

/// An outline, drawn as COCO draws it: at five times the resolution, then every fifth.
/// Shape: points in pixels of the picture; fewer than three have no inside.
/// Errors: kInvalidArgument for a point that is not finite or further than 2^16 pixels away.
Rle drawn(const data::Polygon& outline, std::int64_t height, std::int64_t width);

}  // namespace lorae::tasks::metrics
