#pragma once

#include <cstdint>
#include <vector>

#include "tasks/metrics/objects.h"

namespace lorae::tasks::metrics {

struct ConfusionOptions {
  double confidence = 0.25;  ///< detections are over it
  double overlap = 0.45;     ///< pairs are over it
  Shape shape = Shape::kBoxes;
};

/// What was taken for what. Each detection goes for the truth that it overlaps most, of any class;
/// each truth takes the detection that overlaps it most of those; the rest is background.
/// Ignored truths and what would take them are left out. Threads: none.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::int64_t classes, ConfusionOptions options = {});

  void add(const Judgement& picture);
  /// `classes` stands for the background.
  std::int64_t at(std::int64_t found, std::int64_t truth) const;
  std::int64_t classes() const { return classes_; }

 private:
  std::int64_t& cell(std::int64_t found, std::int64_t truth);

  std::int64_t classes_;
  ConfusionOptions options_;
  std::vector<std::int64_t> counts_;  // [found, truth]
};

}  // namespace lorae::tasks::metrics
