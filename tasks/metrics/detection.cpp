#include "tasks/metrics/detection.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace lorae::tasks::metrics {
namespace {

constexpr double kHuge = 1e10;
constexpr std::array<AreaRange, 4> kRanges = {AreaRange{0, kHuge}, AreaRange{0, 32 * 32},
                                              AreaRange{32 * 32, 96 * 96},
                                              AreaRange{96 * 96, kHuge}};

/// Best score first; the first of equals.
std::vector<Match> ranked(std::vector<Match> matches) {
  std::stable_sort(matches.begin(), matches.end(),
                   [](const Match& a, const Match& b) { return a.score > b.score; });
  return matches;
}

std::vector<Match> ranked_below(const std::vector<Match>& matches, std::int64_t most) {
  std::vector<Match> some;
  std::copy_if(matches.begin(), matches.end(), std::back_inserter(some),
               [most](const Match& match) { return match.rank < most; });
  return ranked(std::move(some));
}

/// A mean of what was added; -1 of nothing.
class Mean {
 public:
  void add(double value) {
    sum_ += value;
    ++count_;
  }
  double value() const { return count_ == 0 ? -1 : sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace

double ClassScore::map50_95() const {
  return std::accumulate(precision_at.begin(), precision_at.end(), 0.0) /
         static_cast<double>(kThresholds);
}

void DetectionMeter::add_range(const Judgement& picture,
                               const Overlaps& overlaps,
                               std::size_t range) {
  for (const Truth& truth : picture.truths) {
    ranges_[range][truth.label].truths += counts(truth, options_.protocol, kRanges[range]) ? 1 : 0;
  }
  const std::int64_t most = options_.protocol == Protocol::kCoco
                                ? options_.most
                                : std::numeric_limits<std::int64_t>::max();
  for (const Match& match :
       matched(picture, overlaps, options_.shape, options_.protocol, kRanges[range], most)) {
    ranges_[range][match.label].matches.push_back(match);
  }
}

void DetectionMeter::add(const Judgement& picture) {
  const Overlaps overlaps = overlaps_of(picture, options_.shape, options_.protocol);
  const std::size_t ranges = options_.stats ? kRanges.size() : 1;
  for (std::size_t i = 0; i < ranges; ++i) {
    add_range(picture, overlaps, i);
  }
  ++pictures_;
}

std::int64_t DetectionMeter::truths() const {
  std::int64_t sum = 0;
  for (const auto& [label, tally] : ranges_[0]) {
    sum += tally.truths;
  }
  return sum;
}

DetectionScore DetectionMeter::score() const {
  DetectionScore score;
  std::vector<OverConfidence> curves;
  std::vector<double> f1(kConfidences);
  for (const auto& [label, tally] : ranges_[0]) {
    if (tally.truths == 0) {
      continue;
    }
    const std::vector<Match> matches = ranked(tally.matches);
    ClassScore& one =
        score.classes.emplace_back(ClassScore{.label = label, .truths = tally.truths});
    for (std::size_t t = 0; t < kThresholds; ++t) {
      one.precision_at[t] =
          average_precision(curve_at(matches, tally.truths, t), options_.protocol);
    }
    curves.push_back(over_confidence(curve_at(matches, tally.truths, 0)));
    std::transform(f1.begin(), f1.end(), curves.back().f1.begin(), f1.begin(), std::plus<>());
  }
  if (score.classes.empty()) {
    return score;
  }
  const std::size_t peak = smoothed_peak(f1);
  score.confidence = static_cast<double>(peak) / static_cast<double>(kConfidences - 1);
  const auto classes = static_cast<double>(score.classes.size());
  for (std::size_t i = 0; i < score.classes.size(); ++i) {
    ClassScore& one = score.classes[i];
    one.precision = curves[i].precision[peak];
    one.recall = curves[i].recall[peak];
    one.f1 = curves[i].f1[peak];
    score.precision += one.precision / classes;
    score.recall += one.recall / classes;
    score.f1 += one.f1 / classes;
    score.map50 += one.map50() / classes;
    score.map75 += one.map75() / classes;
    score.map50_95 += one.map50_95() / classes;
  }
  return score;
}

DetectionCurves DetectionMeter::curves() const {
  DetectionCurves all;
  for (const auto& [label, tally] : ranges_[0]) {
    if (tally.truths == 0) {
      continue;
    }
    Curve curve = curve_at(ranked(tally.matches), tally.truths, 0);
    all.labels.push_back(label);
    all.over_confidence.push_back(over_confidence(curve));
    for (std::size_t i = curve.precision.size(); i-- > 1;) {
      curve.precision[i - 1] = std::max(curve.precision[i - 1], curve.precision[i]);
    }
    std::vector<double>& line = all.precision_at_recall.emplace_back();
    for (std::size_t i = 0; i < kConfidences; ++i) {
      const double recall = static_cast<double>(i) / static_cast<double>(kConfidences - 1);
      const auto reached = std::lower_bound(curve.recall.begin(), curve.recall.end(), recall);
      line.push_back(
          reached == curve.recall.end()
              ? 0
              : curve.precision[static_cast<std::size_t>(reached - curve.recall.begin())]);
    }
  }
  return all;
}

CocoStats DetectionMeter::stats() const {
  check(options_.stats && options_.protocol == Protocol::kCoco, ErrorCode::kInvalidArgument,
        "[tasks] stats: the meter was not asked for them");
  const auto precision = [&](std::size_t range, std::size_t first, std::size_t end) {
    Mean mean;
    for (const auto& [label, tally] : ranges_[range]) {
      const std::vector<Match> matches = ranked(tally.matches);
      for (std::size_t t = first; t < end && tally.truths > 0; ++t) {
        mean.add(average_precision(curve_at(matches, tally.truths, t), Protocol::kCoco));
      }
    }
    return mean.value();
  };
  const auto recall = [&](std::size_t range, std::int64_t most) {
    Mean mean;
    for (const auto& [label, tally] : ranges_[range]) {
      const std::vector<Match> matches = ranked_below(tally.matches, most);
      for (std::size_t t = 0; t < kThresholds && tally.truths > 0; ++t) {
        const Curve curve = curve_at(matches, tally.truths, t);
        mean.add(curve.recall.empty() ? 0 : curve.recall.back());
      }
    }
    return mean.value();
  };
  return {precision(0, 0, kThresholds),
          precision(0, 0, 1),
          precision(0, 5, 6),
          precision(1, 0, kThresholds),
          precision(2, 0, kThresholds),
          precision(3, 0, kThresholds),
          recall(0, 1),
          recall(0, 10),
          recall(0, 100),
          recall(1, 100),
          recall(2, 100),
          recall(3, 100)};
}

}  // namespace lorae::tasks::metrics
