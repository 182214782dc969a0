#pragma once

#include <array>
#include <map>
#include <vector>

#include "tasks/metrics/average_precision.h"

namespace lorae::tasks::metrics {

/// What was measured of one class.
struct ClassScore {
  std::int64_t label = 0;
  std::int64_t truths = 0;                         ///< that count
  std::array<double, kThresholds> precision_at{};  ///< average precision at each threshold
  double precision = 0, recall = 0, f1 = 0;        ///< at DetectionScore::confidence

  double map50() const { return precision_at[0]; }
  double map75() const { return precision_at[5]; }
  double map50_95() const;
};

/// What was measured in all: means over the classes that pictures show.
struct DetectionScore {
  std::vector<ClassScore> classes;  ///< that pictures show, by label
  double map50 = 0, map75 = 0, map50_95 = 0;
  double precision = 0, recall = 0, f1 = 0;  ///< at `confidence`
  double confidence = 0;                     ///< where the mean F1, smoothed, is largest
};

/// Curves at overlap 0.5, for drawings. Shape: of each class that pictures show, by label.
struct DetectionCurves {
  std::vector<std::int64_t> labels;
  std::vector<OverConfidence> over_confidence;
  std::vector<std::vector<double>> precision_at_recall;  ///< at 1000 recalls from 0 to 1
};

/// What pycocotools prints; -1 where nothing was to be found.
struct CocoStats {
  double ap = -1, ap50 = -1, ap75 = -1;
  double ap_small = -1, ap_medium = -1, ap_large = -1;
  double ar1 = -1, ar10 = -1, ar100 = -1;
  double ar_small = -1, ar_medium = -1, ar_large = -1;
};

struct DetectionOptions {
  Shape shape = Shape::kBoxes;
  Protocol protocol = Protocol::kUltralytics;
  std::int64_t most = 100;  ///< COCO: detections per picture and class
  bool stats = false;       ///< of COCO
};

/// Adds up how detections compare with truths, picture by picture. Among equal scores the picture
/// that came first counts first. Units: some tens of bytes per detection. Threads: none.
class DetectionMeter {
 public:
  explicit DetectionMeter(DetectionOptions options = {}) : options_(options) {}

  /// Errors: as overlaps_of.
  void add(const Judgement& picture);

  std::int64_t pictures() const { return pictures_; }
  std::int64_t truths() const;
  DetectionScore score() const;
  DetectionCurves curves() const;
  /// Errors: kInvalidArgument unless the options say so and the protocol is COCO's.
  CocoStats stats() const;

 private:
  /// Of one class and one range of areas.
  struct Tally {
    std::int64_t truths = 0;
    std::vector<Match> matches;
  };
  using Tallies = std::map<std::int64_t, Tally>;  // by label

  void add_range(const Judgement& picture, const Overlaps& overlaps, std::size_t range);

  DetectionOptions options_;
  std::int64_t pictures_ = 0;
  std::array<Tallies, 4> ranges_;  // all, small, medium, large
};

}  // namespace lorae::tasks::metrics
