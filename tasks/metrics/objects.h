#pragma once

#include <cstdint>
#include <vector>

#include "data/objects.h"
#include "data/rle.h"

namespace lorae::tasks::metrics {

using data::Rle;

/// What a model says that a picture shows. Boxes of this folder are in pixels.
struct Found {
  std::int64_t label = 0;
  double score = 0;
  data::Box box;
  Rle mask = {};    ///< empty: boxes alone are judged
  double area = 0;  ///< as a truth's. pycocotools takes the box's if a file of results has boxes
};

/// What a picture shows.
struct Truth {
  std::int64_t label = 0;
  data::Box box;
  Rle mask = {};
  /// Neither right nor wrong where it is found: a crowd, a difficult object.
  bool ignored = false;
  double area = 0;  ///< in COCO's sense, pixels; 0: that of the mask, or the box
};

/// One picture.
struct Judgement {
  std::vector<Found> found;
  std::vector<Truth> truths;
};

/// What is compared.
enum class Shape { kBoxes, kMasks };

/// By which rules. Their numbers do not compare.
enum class Protocol {
  /// A detection's best truth is its own or nobody's; 101 points, trapezoids; ignored truths are
  /// none at all.
  kUltralytics,
  kCoco,   ///< pycocotools: best score first takes the best free truth; 101 points, steps
  kVoc,    ///< the devkit since 2010: boxes with + 1 pixel, over the threshold; exact area
  kVoc07,  ///< the same with 11 points
};

}  // namespace lorae::tasks::metrics
