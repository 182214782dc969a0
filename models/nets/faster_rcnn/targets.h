#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/seed.h"

namespace lorae::models::rcnn {

class Proposer;
class Refiner;

/// What one image shows.
struct Objects {
  at::Tensor boxes;   ///< [n, 4], x1 y1 x2 y2 in pixels
  at::Tensor labels;  ///< [n], int64, from 1
};

/// How many of an image's boxes are looked at, and which part of them may be positive.
struct SampleOptions {
  std::int64_t count = 256;
  double positive = 0.5;
};

/// Which overlap makes a box positive, which one negative; between them it is not looked at.
struct MatchOptions {
  double positive = 0.5;
  double negative = 0.5;
  /// Every box that no other exceeds in an object's eyes is positive, too.
  bool best_of_each = false;
};

inline constexpr std::int64_t kNegative = -1;
inline constexpr std::int64_t kBetween = -2;

/// The object of each box, kNegative or kBetween. Among equal overlaps the first object counts.
/// A box that is the best of an object is of the object that it overlaps most. An object that no
/// box overlaps has no best one. Shape: int64 [n], on the CPU.
at::Tensor matches(const at::Tensor& boxes, const at::Tensor& objects, const MatchOptions& options);

/// Boxes that are looked at: indices in rising order, on the CPU.
struct Samples {
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> positive;  ///< a part of them
};

/// At most `count` * `positive` of the matched boxes; negative ones fill up.
Samples sampled(const at::Tensor& matches, const SampleOptions& options, Random random);

/// The sum of smooth L1 distances. Formula: d^2 / (2 b) below b = 1 / 9, d - b / 2 above.
at::Tensor smooth_distance(const at::Tensor& a, const at::Tensor& b);

/// Rows of `of` on its device.
at::Tensor rows(const at::Tensor& of, const std::vector<std::int64_t>& indices);

}  // namespace lorae::models::rcnn
