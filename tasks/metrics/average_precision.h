#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/metrics/matching.h"

namespace lorae::tasks::metrics {

/// Recall and precision after each detection of a class, best score first; those that are ignored
/// are left out.
struct Curve {
  std::vector<double> scores;
  std::vector<double> recall;
  std::vector<double> precision;
};

/// `ranked`: the matches of a class, best first; `truths`: how many there are.
Curve curve_at(std::span<const Match> ranked, std::int64_t truths, std::size_t threshold);

/// The area under precision over recall, 0 without detections.
/// Formula: precision is made to fall. Ultralytics: from (0, 1) and to (1, 0), linear at 101
/// recalls, trapezoids. COCO: the mean over 101 recalls of the precision at the first detection
/// that reaches it. VOC: exact; VOC07: the mean over 11 recalls of the best precision from there.
/// Source: the protocols' packages; Everingham et al. 2010, section 4.2.
double average_precision(const Curve& curve, Protocol protocol);

/// Values over 1000 confidences from 0 to 1.
struct OverConfidence {
  std::vector<double> precision, recall, f1;
};
inline constexpr std::size_t kConfidences = 1000;

/// Formula: linear between detections; above the best score recall 0 and precision 1.
OverConfidence over_confidence(const Curve& curve);

/// The place of the largest value, smoothed by a box of 101.
std::size_t smoothed_peak(std::span<const double> values);

/// numpy's interp: `x` rises, the last of equals counts; `left` before the first.
double interpolated(double at, std::span<const double> x, std::span<const double> y, double left);

}  // namespace lorae::tasks::metrics
