#pragma once

#include "tasks/metrics/confusion.h"
#include "tasks/metrics/detection.h"
#include "tasks/task.h"

namespace lorae::tasks {

/// Judges objects by their boxes and, if asked, by their masks. Metrics: of masks first, under
/// "mask_": map50_95, map50, and precision and recall at the confidence of the best F1.
class DetectionMeter final : public Meter {
 public:
  DetectionMeter(metrics::Protocol protocol, std::int64_t classes, bool masks);

  void add(const Predictions& predictions, const data::Batch& batch) override;
  /// Boxes end at borders: a box of one pixel has a width of 1.
  void add(const metrics::Judgement& picture);

  Metrics result() const override;
  /// `images` of a class: how many objects there are.
  std::vector<ClassResult> per_class() const override;
  /// Curves at 112 places; the confusion is one of boxes.
  Figures figures() const override;

 private:
  metrics::Protocol protocol_;
  std::vector<std::pair<std::string, metrics::DetectionMeter>> meters_;  // prefix, meter
  metrics::ConfusionMatrix confusion_;
};

}  // namespace lorae::tasks
