#include "tasks/metrics/confusion.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "tasks/metrics/matching.h"

namespace lorae::tasks::metrics {
namespace {

/// The row of a column's largest value, or the other way round; nothing if none is over `least`.
template <typename At>
std::optional<std::size_t> largest(std::size_t count, double least, At at) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < count; ++i) {
    if (at(i) > least) {
      best = i;
      least = at(i);
    }
  }
  return best;
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::int64_t classes, ConfusionOptions options)
    : classes_(classes),
      options_(options),
      counts_(static_cast<std::size_t>((classes + 1) * (classes + 1))) {}

std::int64_t ConfusionMatrix::at(std::int64_t found, std::int64_t truth) const {
  return counts_.at(static_cast<std::size_t>(found * (classes_ + 1) + truth));
}

std::int64_t& ConfusionMatrix::cell(std::int64_t found, std::int64_t truth) {
  check(found >= 0 && found <= classes_ && truth >= 0 && truth <= classes_,
        ErrorCode::kInvalidArgument, "[tasks] confusion of ", classes_, " classes: ", found,
        " for ", truth);
  return counts_[static_cast<std::size_t>(found * (classes_ + 1) + truth)];
}

void ConfusionMatrix::add(const Judgement& picture) {
  Judgement sure{{}, picture.truths};
  std::copy_if(picture.found.begin(), picture.found.end(), std::back_inserter(sure.found),
               [&](const Found& found) { return found.score > options_.confidence; });
  const Overlaps overlaps =
      overlaps_of(sure, options_.shape, Protocol::kUltralytics, /*across_classes=*/true);

  std::vector<std::optional<std::size_t>> goal;  // of each detection
  for (std::size_t i = 0; i < sure.found.size(); ++i) {
    goal.push_back(largest(sure.truths.size(), options_.overlap,
                           [&](std::size_t truth) { return overlaps.at(truth, i); }));
  }
  std::vector<bool> matched(sure.found.size());
  for (std::size_t truth = 0; truth < sure.truths.size(); ++truth) {
    if (sure.truths[truth].ignored) {
      for (std::size_t i = 0; i < goal.size(); ++i) {
        matched[i] = matched[i] || goal[i] == truth;
      }
      continue;
    }
    const auto taker = largest(sure.found.size(), options_.overlap, [&](std::size_t i) {
      return goal[i] == truth ? overlaps.at(truth, i) : 0;
    });
    ++cell(taker ? sure.found[*taker].label : classes_, sure.truths[truth].label);
    if (taker) {
      matched[*taker] = true;
    }
  }
  for (std::size_t i = 0; i < sure.found.size(); ++i) {
    if (!matched[i]) {
      ++cell(sure.found[i].label, classes_);
    }
  }
}

}  // namespace lorae::tasks::metrics
