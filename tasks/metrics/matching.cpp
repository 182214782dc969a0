#include "tasks/metrics/matching.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/error.h"

namespace lorae::tasks::metrics {

bool is_voc(Protocol protocol) {
  return protocol == Protocol::kVoc || protocol == Protocol::kVoc07;
}

namespace {

/// As the protocol's own package has it, to the last bit.
double threshold(std::size_t i, Protocol protocol) {
  constexpr double kFirst = 0.5, kLast = 0.95;
  if (protocol == Protocol::kUltralytics) {  // float32, from both ends
    constexpr float kStep = (0.95F - 0.5F) / 9.0F;
    return i < kThresholds / 2 ? 0.5F + kStep * static_cast<float>(i)
                               : 0.95F - kStep * static_cast<float>(kThresholds - 1 - i);
  }
  const double step = (kLast - kFirst) / static_cast<double>(kThresholds - 1);
  return i + 1 == kThresholds ? kLast : kFirst + static_cast<double>(i) * step;
}

/// Of a truth or a detection, in COCO's sense.
template <typename Object>
double area_of(const Object& object, bool by_box) {
  if (object.area > 0) {
    return object.area;
  }
  return by_box || object.mask.empty() ? object.box.width() * object.box.height()
                                       : static_cast<double>(area(object.mask));
}

template <typename Scalar>
Scalar overlap(const data::Box& a, const data::Box& b, Scalar pixel, Scalar epsilon, bool of_b) {
  const auto side = [&](double low, double high) {
    return static_cast<Scalar>(high) - static_cast<Scalar>(low) + pixel;
  };
  const Scalar width = side(std::max(a.x1, b.x1), std::min(a.x2, b.x2));
  const Scalar height = side(std::max(a.y1, b.y1), std::min(a.y2, b.y2));
  if (width <= 0 || height <= 0) {
    return 0;
  }
  const Scalar both = width * height;
  const Scalar area_b = side(b.x1, b.x2) * side(b.y1, b.y2);
  const Scalar all = of_b ? area_b : side(a.x1, a.x2) * side(a.y1, a.y2) + area_b - both;
  return both / (all + epsilon);
}

double box_overlap(const Truth& truth, const Found& found, Protocol protocol) {
  switch (protocol) {
    case Protocol::kUltralytics:
      return overlap<float>(truth.box, found.box, 0, 1e-7F, false);
    case Protocol::kCoco:
      return overlap<double>(truth.box, found.box, 0, 0, truth.ignored);
    default:
      return overlap<double>(truth.box, found.box, 1, 0, false);
  }
}

struct MaskArea {
  double truth = 0, found = 0;
};

double mask_overlap(const Truth& truth,
                    const Found& found,
                    const MaskArea& areas,
                    Protocol protocol) {
  const auto both = static_cast<double>(intersection(truth.mask, found.mask));
  const double all = areas.truth + areas.found - both;
  if (protocol == Protocol::kUltralytics) {
    return static_cast<float>(both) / (static_cast<float>(all) + 1e-7F);
  }
  if (both == 0) {
    return 0;
  }
  return both / (protocol == Protocol::kCoco && truth.ignored ? areas.found : all);
}

/// Detections, best first.
std::vector<std::size_t> by_score(const std::vector<Found>& found) {
  std::vector<std::size_t> order(found.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return found[a].score > found[b].score; });
  return order;
}

struct Context {
  const Judgement& picture;
  const Overlaps& overlaps;
  Protocol protocol;
  const AreaRange& areas;
};

/// The best truth of each detection, if it is over the threshold.
std::optional<std::size_t> best_truth(const Context& context, std::size_t detection, double least) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < context.picture.truths.size(); ++i) {
    const Truth& truth = context.picture.truths[i];
    const double value = context.overlaps.at(i, detection);
    if (truth.label == context.picture.found[detection].label && value >= least &&
        counts(truth, context.protocol) &&
        (!best || value >= context.overlaps.at(*best, detection))) {
      best = i;
    }
  }
  return best;
}

void match_ultralytics(const Context& context,
                       const std::vector<std::size_t>& order,
                       std::vector<Match>& matches) {
  for (std::size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(context.picture.truths.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto truth = best_truth(context, order[i], threshold(t, context.protocol));
      if (truth && !taken[*truth]) {
        taken[*truth] = true;
        matches[i].right.set(t);
      }
    }
  }
}

/// The truth that a detection takes at a threshold. `truths`: those that count come first.
std::optional<std::size_t> free_truth(const Context& context,
                                      const std::vector<std::size_t>& truths,
                                      const std::vector<bool>& taken,
                                      std::size_t detection,
                                      double least) {
  std::optional<std::size_t> best;
  for (const std::size_t i : truths) {
    const Truth& truth = context.picture.truths[i];
    if (truth.label != context.picture.found[detection].label || (taken[i] && !truth.ignored)) {
      continue;
    }
    if (best && counts(context.picture.truths[*best], context.protocol, context.areas) &&
        !counts(truth, context.protocol, context.areas)) {
      break;
    }
    const double value = context.overlaps.at(i, detection);
    if (value >= least) {
      least = value;
      best = i;
    }
  }
  return best;
}

void match_coco(const Context& context,
                const std::vector<std::size_t>& order,
                Shape shape,
                std::vector<Match>& matches) {
  const auto& truths = context.picture.truths;
  std::vector<std::size_t> sorted(truths.size());
  std::iota(sorted.begin(), sorted.end(), std::size_t{0});
  std::stable_partition(sorted.begin(), sorted.end(), [&](std::size_t i) {
    return counts(truths[i], context.protocol, context.areas);
  });
  for (std::size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(truths.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Found& found = context.picture.found[order[i]];
      const auto truth = free_truth(context, sorted, taken, order[i],
                                    std::min(threshold(t, context.protocol), 1 - 1e-10));
      if (truth) {
        taken[*truth] = true;
        const bool counted = counts(truths[*truth], context.protocol, context.areas);
        (counted ? matches[i].right : matches[i].ignored).set(t);
        continue;
      }
      const double size = area_of(found, shape == Shape::kBoxes);
      if (size < context.areas.least || size > context.areas.most) {
        matches[i].ignored.set(t);
      }
    }
  }
}

void match_voc(const Context& context,
               const std::vector<std::size_t>& order,
               std::vector<Match>& matches) {
  const auto& truths = context.picture.truths;
  for (std::size_t t = 0; t < kThresholds; ++t) {
    std::vector<bool> taken(truths.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::optional<std::size_t> best;
      for (std::size_t j = 0; j < truths.size(); ++j) {
        if (truths[j].label == matches[i].label &&
            (!best || context.overlaps.at(j, order[i]) > context.overlaps.at(*best, order[i]))) {
          best = j;
        }
      }
      if (!best || context.overlaps.at(*best, order[i]) <= threshold(t, context.protocol)) {
        continue;
      }
      if (truths[*best].ignored) {
        matches[i].ignored.set(t);
      } else if (!taken[*best]) {
        taken[*best] = true;
        matches[i].right.set(t);
      }
    }
  }
}

}  // namespace

bool counts(const Truth& truth, Protocol protocol, const AreaRange& areas) {
  if (truth.ignored) {
    return false;
  }
  if (protocol != Protocol::kCoco) {
    return true;
  }
  const double size = area_of(truth, /*by_box=*/false);
  return size >= areas.least && size <= areas.most;
}

Overlaps overlaps_of(const Judgement& picture,
                     Shape shape,
                     Protocol protocol,
                     bool across_classes) {
  Overlaps overlaps{picture.found.size(), {}};
  overlaps.values.reserve(picture.truths.size() * picture.found.size());
  std::vector<double> areas;
  if (shape == Shape::kMasks) {
    for (const Found& found : picture.found) {
      check(!found.mask.empty(), ErrorCode::kInvalidArgument,
            "[tasks] masks are judged: a detection has none");
      areas.push_back(static_cast<double>(area(found.mask)));
    }
  }
  for (const Truth& truth : picture.truths) {
    check(shape == Shape::kBoxes || !truth.mask.empty(), ErrorCode::kInvalidArgument,
          "[tasks] masks are judged: a truth has none");
    const double own = shape == Shape::kMasks ? static_cast<double>(area(truth.mask)) : 0;
    for (std::size_t i = 0; i < picture.found.size(); ++i) {
      const Found& found = picture.found[i];
      double value = 0;
      if (across_classes || found.label == truth.label) {
        value = shape == Shape::kBoxes ? box_overlap(truth, found, protocol)
                                       : mask_overlap(truth, found, {own, areas[i]}, protocol);
      }
      overlaps.values.push_back(value);
    }
  }
  return overlaps;
}

std::vector<Match> matched(const Judgement& picture,
                           const Overlaps& overlaps,
                           Shape shape,
                           Protocol protocol,
                           const AreaRange& areas,
                           std::int64_t most) {
  std::vector<std::size_t> order;
  std::vector<Match> matches;
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;  // of each class
  for (const std::size_t i : by_score(picture.found)) {
    const std::int64_t label = picture.found[i].label;
    auto place = std::find_if(seen.begin(), seen.end(),
                              [label](const auto& entry) { return entry.first == label; });
    if (place == seen.end()) {
      place = seen.insert(place, {label, 0});
    }
    const std::int64_t rank = place->second++;
    if (rank < most) {
      order.push_back(i);
      matches.push_back({label, picture.found[i].score, rank, {}, {}});
    }
  }
  const Context context{picture, overlaps, protocol, areas};
  if (protocol == Protocol::kUltralytics) {
    match_ultralytics(context, order, matches);
  } else if (is_voc(protocol)) {
    match_voc(context, order, matches);
  } else {
    match_coco(context, order, shape, matches);
  }
  return matches;
}

}  // namespace lorae::tasks::metrics
