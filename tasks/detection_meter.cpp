#include "tasks/detection_meter.h"

#include <algorithm>
#include <optional>

#include "tasks/judgement.h"

namespace lorae::tasks {

namespace {

/// Every ninth of the 1000 places, with the first and the last.
constexpr std::size_t kStride = 9;
static_assert((metrics::kConfidences - 1) % kStride == 0);

std::vector<double> thinned(const std::vector<double>& line) {
  std::vector<double> some;
  for (std::size_t i = 0; i < line.size(); i += kStride) {
    some.push_back(line[i]);
  }
  return some;
}

/// Adds a part of each value of `line`.
void add_part_(std::vector<double>& sum, const std::vector<double>& line, double part) {
  sum.resize(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    sum[i] += part * line[i];
  }
}

JudgedCurves curves_of(const metrics::DetectionMeter& meter, std::string shape) {
  const metrics::DetectionCurves all = meter.curves();
  JudgedCurves curves{.shape = std::move(shape),
                      .confidence = meter.score().confidence,
                      .mean = {.label = -1},
                      .classes = {}};
  const double part = 1 / static_cast<double>(std::max<std::size_t>(all.labels.size(), 1));
  for (std::size_t i = 0; i < all.labels.size(); ++i) {
    const metrics::OverConfidence& over = all.over_confidence[i];
    const JudgedLines& lines = curves.classes.emplace_back(
        JudgedLines{.label = all.labels[i],
                    .precision_over_recall = thinned(all.precision_at_recall[i]),
                    .precision = thinned(over.precision),
                    .recall = thinned(over.recall),
                    .f1 = thinned(over.f1)});
    add_part_(curves.mean.precision_over_recall, lines.precision_over_recall, part);
    add_part_(curves.mean.precision, lines.precision, part);
    add_part_(curves.mean.recall, lines.recall, part);
    add_part_(curves.mean.f1, lines.f1, part);
  }
  return curves;
}

Confusion confusion_of(const metrics::ConfusionMatrix& matrix) {
  const metrics::ConfusionOptions options;
  Confusion confusion{.counted = "objects",
                      .classes = matrix.classes(),
                      .background = true,
                      .confidence = options.confidence,
                      .overlap = options.overlap,
                      .pairs = {}};
  for (std::int64_t found = 0; found <= matrix.classes(); ++found) {
    for (std::int64_t truth = 0; truth <= matrix.classes(); ++truth) {
      if (const std::int64_t count = matrix.at(found, truth); count > 0) {
        confusion.pairs.push_back({found, truth, count});
      }
    }
  }
  return confusion;
}

/// Boxes by the last pixels that they hold, as VOC's devkit takes them, instead of by borders.
metrics::Judgement ending_at_pixels(metrics::Judgement picture) {
  const auto end = [](data::Box& box) {
    box.x2 -= 1;
    box.y2 -= 1;
  };
  for (metrics::Found& found : picture.found) {
    end(found.box);
  }
  for (metrics::Truth& truth : picture.truths) {
    end(truth.box);
  }
  return picture;
}

}  // namespace

DetectionMeter::DetectionMeter(metrics::Protocol protocol, std::int64_t classes, bool masks)
    : protocol_(protocol), confusion_(classes) {
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
  std::optional<metrics::Judgement> in_pixels;
  if (metrics::is_voc(protocol_)) {
    in_pixels = ending_at_pixels(picture);
  }
  for (auto& [prefix, meter] : meters_) {
    meter.add(in_pixels ? *in_pixels : picture);
  }
  confusion_.add(picture);
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

Figures DetectionMeter::figures() const {
  Figures figures;
  for (const auto& [prefix, meter] : meters_) {
    figures.curves.push_back(curves_of(meter, prefix.empty() ? "boxes" : "masks"));
  }
  figures.confusion = confusion_of(confusion_);
  return figures;
}

}  // namespace lorae::tasks
