#include "tasks/detection_meter.h"

#include <algorithm>

#include "tasks/judgement.h"

namespace lorae::tasks {

DetectionMeter::DetectionMeter(metrics::Protocol protocol, bool masks) : protocol_(protocol) {
  if (masks) {
    meters_.emplace_back(
        "mask_", metrics::DetectionMeter({.shape = metrics::Shape::kMasks, .protocol = protocol}));
  }
  meters_.emplace_back("", metrics::DetectionMeter({.protocol = protocol}));
}

void DetectionMeter::add(const Predictions& predictions, const data::Batch& batch) {
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    add(judgement_of(predictions, batch, i, protocol_, meters_.size() > 1));
  }
}

void DetectionMeter::add(const metrics::Judgement& picture) {
  for (auto& [prefix, meter] : meters_) {
    meter.add(picture);
  }
}

Metrics DetectionMeter::result() const {
  Metrics result;
  for (const auto& [prefix, meter] : meters_) {
    if (meter.pictures() == 0) {
      return {};
    }
    const metrics::DetectionScore score = meter.score();
    result.set(prefix + "map50_95", score.map50_95);
    result.set(prefix + "map50", score.map50);
    result.set(prefix + "precision", score.precision);
    result.set(prefix + "recall", score.recall);
  }
  return result;
}

std::vector<ClassResult> DetectionMeter::per_class() const {
  std::vector<ClassResult> results;
  for (const auto& [prefix, meter] : meters_) {
    for (const metrics::ClassScore& score : meter.score().classes) {
      auto found = std::ranges::find(results, score.label, &ClassResult::label);
      if (found == results.end()) {
        results.push_back({.label = score.label, .images = score.truths, .metrics = {}});
        found = std::prev(results.end());
      }
      found->metrics.set(prefix + "map50_95", score.map50_95());
      found->metrics.set(prefix + "map50", score.map50());
    }
  }
  return results;
}

}  // namespace lorae::tasks
