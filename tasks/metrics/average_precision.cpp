#include "tasks/metrics/average_precision.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace lorae::tasks::metrics {
namespace {

constexpr std::size_t kRecalls = 101;
constexpr double kEpsilon = 1e-16;  // of the Ultralytics protocol
constexpr std::ptrdiff_t kSmooth = 101;

/// `i`-th of `count` values from 0 to 1.
double step(std::size_t i, std::size_t count) {
  return i + 1 == count ? 1.0 : static_cast<double>(i) * (1.0 / static_cast<double>(count - 1));
}

/// What each value is at best from there on.
void make_falling_(std::vector<double>& values) {
  for (std::size_t i = values.size(); i-- > 1;) {
    values[i - 1] = std::max(values[i - 1], values[i]);
  }
}

/// Between (0, `first`) and (1, 0), falling.
Curve closed(const Curve& curve, double first) {
  Curve all;
  all.recall.push_back(0);
  all.precision.push_back(first);
  all.recall.insert(all.recall.end(), curve.recall.begin(), curve.recall.end());
  all.precision.insert(all.precision.end(), curve.precision.begin(), curve.precision.end());
  all.recall.push_back(1);
  all.precision.push_back(0);
  make_falling_(all.precision);
  return all;
}

double by_trapezoids(const Curve& curve) {
  const Curve all = closed(curve, 1);
  double sum = 0, before = 0;
  for (std::size_t i = 0; i < kRecalls; ++i) {
    const double now = interpolated(step(i, kRecalls), all.recall, all.precision, 1);
    if (i > 0) {
      sum += (step(i, kRecalls) - step(i - 1, kRecalls)) * (now + before) / 2;
    }
    before = now;
  }
  return sum;
}

double by_steps(const Curve& curve) {
  std::vector<double> precision = curve.precision;
  make_falling_(precision);
  double sum = 0;
  for (std::size_t i = 0; i < kRecalls; ++i) {
    const auto reached =
        std::lower_bound(curve.recall.begin(), curve.recall.end(), step(i, kRecalls));
    if (reached != curve.recall.end()) {
      sum += precision[static_cast<std::size_t>(reached - curve.recall.begin())];
    }
  }
  return sum / static_cast<double>(kRecalls);
}

double exact_area(const Curve& curve) {
  const Curve all = closed(curve, 0);
  double sum = 0;
  for (std::size_t i = 1; i < all.recall.size(); ++i) {
    sum += (all.recall[i] - all.recall[i - 1]) * all.precision[i];
  }
  return sum;
}

double by_eleven(const Curve& curve) {
  constexpr int kPoints = 11;
  double sum = 0;
  for (int i = 0; i < kPoints; ++i) {
    double best = 0;
    for (std::size_t j = 0; j < curve.recall.size(); ++j) {
      if (curve.recall[j] >= i * 0.1) {
        best = std::max(best, curve.precision[j]);
      }
    }
    sum += best / kPoints;
  }
  return sum;
}

}  // namespace

Curve curve_at(std::span<const Match> ranked, std::int64_t truths, std::size_t threshold) {
  Curve curve;
  double right = 0, wrong = 0;
  for (const Match& match : ranked) {
    if (match.ignored[threshold]) {
      continue;
    }
    (match.right[threshold] ? right : wrong) += 1;
    curve.scores.push_back(match.score);
    curve.recall.push_back(right / static_cast<double>(truths));
    curve.precision.push_back(right / (right + wrong));
  }
  return curve;
}

double average_precision(const Curve& curve, Protocol protocol) {
  if (curve.recall.empty()) {
    return 0;
  }
  switch (protocol) {
    case Protocol::kUltralytics:
      return by_trapezoids(curve);
    case Protocol::kCoco:
      return by_steps(curve);
    case Protocol::kVoc:
      return exact_area(curve);
    default:
      return by_eleven(curve);
  }
}

OverConfidence over_confidence(const Curve& curve) {
  OverConfidence all;
  std::vector<double> falling(curve.scores.size());  // negated: rising, as interpolated wants
  std::transform(curve.scores.begin(), curve.scores.end(), falling.begin(), std::negate<>());
  for (std::size_t i = 0; i < kConfidences; ++i) {
    const double at = -step(i, kConfidences);
    const double precision =
        curve.scores.empty() ? 0 : interpolated(at, falling, curve.precision, 1);
    const double recall = curve.scores.empty() ? 0 : interpolated(at, falling, curve.recall, 0);
    all.precision.push_back(precision);
    all.recall.push_back(recall);
    all.f1.push_back(2 * precision * recall / (precision + recall + kEpsilon));
  }
  return all;
}

std::size_t smoothed_peak(std::span<const double> values) {
  const std::ptrdiff_t last = std::ssize(values) - 1;
  std::size_t best = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (std::ptrdiff_t i = 0; i <= last; ++i) {
    double sum = 0;
    for (std::ptrdiff_t j = i - kSmooth / 2; j <= i + kSmooth / 2; ++j) {
      sum += values[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(j, 0, last))] /
             static_cast<double>(kSmooth);
    }
    if (sum > most) {
      most = sum;
      best = static_cast<std::size_t>(i);
    }
  }
  return best;
}

double interpolated(double at, std::span<const double> x, std::span<const double> y, double left) {
  const auto after = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), at) - x.begin());
  if (after == 0) {
    return left;
  }
  const std::size_t i = after - 1;
  if (after == x.size() || x[i] == at) {
    return y[i];
  }
  return (y[after] - y[i]) / (x[after] - x[i]) * (at - x[i]) + y[i];
}

}  // namespace lorae::tasks::metrics
