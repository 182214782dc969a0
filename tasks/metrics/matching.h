#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <limits>
#include <vector>

#include "tasks/metrics/objects.h"

namespace lorae::tasks::metrics {

/// 0.50, 0.55, ..., 0.95.
inline constexpr std::size_t kThresholds = 10;

/// How a detection fared at each threshold.
struct Match {
  std::int64_t label = 0;
  double score = 0;
  std::int64_t rank = 0;  ///< of its class in its picture, from 0, best first
  std::bitset<kThresholds> right;
  std::bitset<kThresholds> ignored;  ///< neither right nor wrong
};

/// Truths by their area in pixels; the others are ignored. COCO's ranges.
struct AreaRange {
  double least = 0;
  double most = 1e10;
};

/// Overlap of truths (rows) and detections (columns).
struct Overlaps {
  std::size_t found = 0;
  std::vector<double> values;

  double at(std::size_t truth, std::size_t detection) const {
    return values[truth * found + detection];
  }
};

/// True for both of VOC's protocols.
bool is_voc(Protocol protocol);

/// The overlaps of one picture by the rules of a protocol.
/// Formula: intersection / union. Ultralytics: in float32, the union + 1e-7. COCO: an ignored
/// truth's share is of the detection's area. VOC: boxes end at the last pixel that they hold.
/// Those of two classes are 0 unless `across_classes`.
/// Errors: kInvalidArgument if masks are missing or differ in size.
Overlaps overlaps_of(const Judgement& picture,
                     Shape shape,
                     Protocol protocol,
                     bool across_classes = false);

/// Judges the detections of one picture, best score first; equal scores keep their order.
/// Formula: Ultralytics: of its class's truths over the threshold, a detection goes for the one
/// that it overlaps most, of equals the last; each truth takes the best of those that go for it.
/// COCO: in turn, each takes the free truth that it overlaps most, ignored ones only if no other
/// is over the threshold; `most` per class count. VOC: each goes for the truth that it overlaps
/// most and is right if that is free.
/// Source: Lin et al. 2014 (arXiv:1405.0312), pycocotools; Everingham et al. 2010, "The PASCAL
/// Visual Object Classes (VOC) Challenge".
std::vector<Match> matched(const Judgement& picture,
                           const Overlaps& overlaps,
                           Shape shape,
                           Protocol protocol,
                           const AreaRange& areas = {},
                           std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// Whether a truth counts.
bool counts(const Truth& truth, Protocol protocol, const AreaRange& areas = {});

}  // namespace lorae::tasks::metrics
