#include "tasks/metrics/pixels.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace lorae::tasks::metrics {
namespace {

/// Sets of places that were found to be one.
class Sets {
 public:
  std::size_t add() {
    parents_.push_back(parents_.size());
    return parents_.size() - 1;
  }
  std::size_t root(std::size_t i) {
    while (parents_[i] != i) {
      parents_[i] = parents_[parents_[i]];
      i = parents_[i];
    }
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    a = root(a);
    b = root(b);
    parents_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parents_;
};

/// A thing while its pixels are counted, column by column.
struct Gathered {
  std::int64_t label = 0, pixels = 0, end = 0;
  double score = 0;
  Rle mask;

  void add(std::int64_t place, double value) {
    if (mask.counts.empty() || place > end) {
      mask.counts.push_back(static_cast<std::uint32_t>(place - end));
      mask.counts.push_back(0);
    }
    ++mask.counts.back();
    ++pixels;
    end = place + 1;
    score += value;
  }
};

/// The set of each pixel of a class, counted column by column: of equal pixels that touch.
std::vector<std::size_t> sets_of(const ClassMap& map, Sets& sets) {
  std::vector<std::size_t> set_of(map.classes.size());
  const auto at = [&](std::int64_t y, std::int64_t x) {
    return map.classes[static_cast<std::size_t>(y * map.width + x)];
  };
  for (std::int64_t x = 0; x < map.width; ++x) {
    for (std::int64_t y = 0; y < map.height; ++y) {
      const auto own = static_cast<std::size_t>(x * map.height + y);
      bool first = true;
      const auto touch = [&](std::int64_t other_y, std::int64_t other_x) {
        if (other_y < 0 || other_y >= map.height || other_x < 0 ||
            at(other_y, other_x) != at(y, x)) {
          return;
        }
        const std::size_t other = set_of[static_cast<std::size_t>(other_x * map.height + other_y)];
        if (first) {
          set_of[own] = other;
          first = false;
        } else {
          sets.join(set_of[own], other);
        }
      };
      touch(y - 1, x);
      touch(y - 1, x - 1);
      touch(y, x - 1);
      touch(y + 1, x - 1);
      if (first) {
        set_of[own] = sets.add();
      }
    }
  }
  return set_of;
}

}  // namespace

PixelMeter::PixelMeter(std::int64_t classes)
    : values_(classes + 1), counts_(static_cast<std::size_t>(values_ * values_)) {}

void PixelMeter::add(std::span<const std::uint8_t> found, std::span<const std::uint8_t> truth) {
  check(found.size() == truth.size(), ErrorCode::kInvalidArgument, "[tasks] maps of ", found.size(),
        " and ", truth.size(), " pixels");
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (truth[i] == kNotCounted) {
      continue;
    }
    check(found[i] < values_ && truth[i] < values_, ErrorCode::kInvalidArgument,
          "[tasks] a map of ", values_ - 1, " classes has ", std::max(found[i], truth[i]) + 0);
    ++counts_[static_cast<std::size_t>(found[i] * values_ + truth[i])];
  }
}

std::int64_t PixelMeter::at(std::int64_t found, std::int64_t truth) const {
  return counts_.at(static_cast<std::size_t>(found * values_ + truth));
}

std::int64_t PixelMeter::pixels() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

double PixelMeter::accuracy() const {
  std::int64_t right = 0;
  for (std::int64_t k = 0; k < values_; ++k) {
    right += at(k, k);
  }
  const std::int64_t all = pixels();
  return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all);
}

std::optional<double> PixelMeter::iou(std::int64_t k) const {
  std::int64_t any = -at(k, k);
  for (std::int64_t other = 0; other < values_; ++other) {
    any += at(k, other) + at(other, k);
  }
  if (any == 0) {
    return std::nullopt;
  }
  return static_cast<double>(at(k, k)) / static_cast<double>(any);
}

double PixelMeter::mean_iou(bool with_background) const {
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t k = with_background ? 0 : 1; k < values_; ++k) {
    if (const auto value = iou(k)) {
      sum += *value;
      ++count;
    }
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

std::vector<Found> things(const ClassMap& map, bool joined, std::int64_t least) {
  const std::int64_t all = map.height * map.width;
  check(std::ssize(map.classes) == all && std::ssize(map.scores) == all,
        ErrorCode::kInvalidArgument, "[tasks] things: expected a class and a score for each of ",
        all, " pixels");
  Sets sets;
  const std::vector<std::size_t> set_of = joined ? std::vector<std::size_t>{} : sets_of(map, sets);
  std::map<std::pair<std::uint8_t, std::size_t>, Gathered> gathered;
  for (std::int64_t place = 0; place < all; ++place) {
    const auto pixel =
        static_cast<std::size_t>(place % map.height * map.width + place / map.height);
    const std::uint8_t k = map.classes[pixel];
    if (k == 0 || k == kNotCounted) {
      continue;
    }
    const std::size_t set = joined ? 0 : sets.root(set_of[static_cast<std::size_t>(place)]);
    Gathered& one = gathered[{k, set}];
    one.label = k - 1;
    one.add(place, map.scores[pixel]);
  }
  std::vector<Found> found;
  for (auto& [key, one] : gathered) {
    if (one.pixels < least) {
      continue;
    }
    one.mask.height = map.height;
    one.mask.width = map.width;
    if (one.end < all) {
      one.mask.counts.push_back(static_cast<std::uint32_t>(all - one.end));
    }
    const data::Box box = extent(one.mask);
    found.push_back(
        {one.label, one.score / static_cast<double>(one.pixels), box, std::move(one.mask)});
  }
  return found;
}

std::vector<Truth> joined_by_class(const std::vector<Truth>& truths) {
  std::map<std::int64_t, std::vector<Rle>> masks;
  for (const Truth& truth : truths) {
    check(!truth.mask.empty(), ErrorCode::kInvalidArgument, "[tasks] a truth has no mask");
    if (!truth.ignored) {
      masks[truth.label].push_back(truth.mask);
    }
  }
  std::vector<Truth> all;
  for (const auto& [label, of_class] : masks) {
    const Rle mask = joined(of_class);
    all.push_back({.label = label, .box = extent(mask), .mask = mask});
  }
  return all;
}

}  // namespace lorae::tasks::metrics
