#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tasks/metrics/objects.h"

// Maps of classes: row by row, 0 for nothing, k for class k - 1, 255 for pixels that do not count.
namespace lorae::tasks::metrics {

inline constexpr std::uint8_t kNotCounted = 255;

/// How two maps of classes compare, pixel by pixel. Threads: none.
class PixelMeter {
 public:
  /// `classes`: without the background.
  explicit PixelMeter(std::int64_t classes);

  /// Pixels of `truth` that do not count are left out.
  /// Errors: kInvalidArgument for maps of different sizes or a class that there is not.
  void add(std::span<const std::uint8_t> found, std::span<const std::uint8_t> truth);

  std::int64_t pixels() const;
  /// Pixels of the right class over all; 0 without any.
  double accuracy() const;
  /// Intersection over union of a class, k, or the background, 0; nullopt if no map has it.
  std::optional<double> iou(std::int64_t k) const;
  /// The mean over classes that a map has. 0 without any.
  double mean_iou(bool with_background = true) const;
  /// Pixels of `truth` taken for `found`.
  std::int64_t at(std::int64_t found, std::int64_t truth) const;

 private:
  std::int64_t values_;               // classes and the background
  std::vector<std::int64_t> counts_;  // [found, truth]
};

/// A map of classes as a network that labels pixels gives it.
struct ClassMap {
  std::span<const std::uint8_t> classes;
  std::span<const float> scores;  ///< of each pixel, its class's probability
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// Things in a map: pixels of a class that touch, with corners, of at least `least` pixels; or all
/// pixels of a class, if `joined`. Their score is the mean of their pixels', their box goes around
/// them. In the order of classes, then of their first pixels column by column.
/// How networks that label pixels are judged as those that find objects is our definition: no
/// paper has one.
std::vector<Found> things(const ClassMap& map, bool joined = false, std::int64_t least = 1);

/// One truth for each class: what `things` of joined classes is judged by. Errors:
/// kInvalidArgument for a truth without a mask.
std::vector<Truth> joined_by_class(const std::vector<Truth>& truths);

}  // namespace lorae::tasks::metrics
