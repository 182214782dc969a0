#include "tasks/vision/yolo_loss.h"

#include "base/error.h"
#include "tasks/vision/ciou.h"
#include "tasks/vision/mask_loss.h"
#include "tensors/device.h"
#include "tensors/torch.h"

namespace lorae::tasks::vision {
namespace {

using models::yolo::HeadMaps;
using models::yolo::kRegMax;
using models::yolo::kStrides;

constexpr double kFarthest = kRegMax - 1 - 0.01;  // cells
// Beyond it softplus is the identity: far enough for double precision.
constexpr double kLargestLogit = 40;

/// A head's maps, anchor by anchor.
struct Raw {
  std::vector<Grid> grids;
  std::int64_t images = 0, classes = 0, anchors = 0;
  at::Tensor bins;    ///< [places, 4, kRegMax]
  at::Tensor logits;  ///< [N, classes, A]
};

Raw flattened(const HeadMaps& maps) {
  Raw raw;
  raw.images = maps.raw[0].size(0);
  raw.classes = maps.raw[0].size(1) - 4 * kRegMax;
  std::vector<at::Tensor> bins, logits;
  for (std::size_t i = 0; i < maps.raw.size(); ++i) {
    const at::Tensor map = widened(maps.raw[i]);
    raw.grids.push_back({map.size(2), map.size(3), kStrides[i]});
    bins.push_back(
        map.slice(1, 0, 4 * kRegMax).permute({0, 2, 3, 1}).reshape({raw.images, -1, 4 * kRegMax}));
    logits.push_back(map.slice(1, 4 * kRegMax).flatten(2));
  }
  raw.anchors = anchors_of(raw.grids);
  raw.bins = at::cat(bins, 1).view({-1, 4, kRegMax});
  raw.logits = at::cat(logits, 2);
  return raw;
}

/// Boxes [m, 4] in cells from distributions [m, 4, kRegMax] around centres [m, 2].
at::Tensor decoded(const at::Tensor& bins, const at::Tensor& centres) {
  const at::Tensor distances = at::matmul(bins.softmax(2), at::arange(kRegMax, bins.options()));
  return at::cat({centres - distances.slice(1, 0, 2), centres + distances.slice(1, 2, 4)}, 1);
}

/// The logit of each candidate's class. Shape: [p].
at::Tensor own_logits(const Raw& raw, const at::Tensor& places, const at::Tensor& labels) {
  const at::Tensor image = places.div(raw.anchors, "floor");
  const at::Tensor anchor = places - image * raw.anchors;
  const at::Tensor index = (image * raw.classes + labels) * raw.anchors + anchor;
  return raw.logits.view(-1).index_select(0, index);
}

Assignment assigned(const Raw& raw,
                    const Anchors& anchors,
                    const Candidates& candidates,
                    const at::Tensor& boxes,
                    const AssignerOptions& options) {
  const torch::NoGradGuard no_grad;
  const at::Tensor centres = anchors.centres.repeat({raw.images, 1});
  const at::Tensor predicted = decoded(raw.bins, centres) * anchors.strides.repeat({raw.images, 1});
  const at::Tensor overlaps = complete_iou(boxes.index_select(0, candidates.objects),
                                           predicted.index_select(0, candidates.places))
                                  .clamp_min(0);
  const at::Tensor scores = own_logits(raw, candidates.places, candidates.labels).sigmoid();
  return assign(candidates, scores, overlaps, boxes.size(0), raw.images * raw.anchors, options);
}

/// Distribution focal loss of each row. Shape: bins [f, 4, kRegMax], distances [f, 4]; [f] out.
at::Tensor distribution_loss(const at::Tensor& bins, const at::Tensor& distances) {
  const at::Tensor low = distances.floor();
  const at::Tensor index = low.to(at::kLong).unsqueeze(2);
  const at::Tensor logs = bins.log_softmax(2);
  const at::Tensor share = distances - low;  // of the upper bin
  return -(logs.gather(2, index).squeeze(2) * (1 - share) +
           logs.gather(2, index + 1).squeeze(2) * share)
              .mean(1);
}

struct BoxLosses {
  at::Tensor overlap, distribution;
};

/// Both without gains. `weights`: [f], of the positives.
BoxLosses box_losses(const Raw& raw,
                     const Anchors& anchors,
                     const at::Tensor& boxes,
                     const Assignment& found,
                     const at::Tensor& weights) {
  const at::Tensor anchor = found.places.remainder(raw.anchors);
  const at::Tensor centres = anchors.centres.index_select(0, anchor);
  const at::Tensor bins = raw.bins.index_select(0, found.places);
  const at::Tensor wanted =
      boxes.index_select(0, found.objects) / anchors.strides.index_select(0, anchor);
  const at::Tensor distances =
      at::cat({centres - wanted.slice(1, 0, 2), wanted.slice(1, 2, 4) - centres}, 1)
          .clamp(0, kFarthest);
  return {((1 - complete_iou(decoded(bins, centres), wanted)) * weights).sum(),
          (distribution_loss(bins, distances) * weights).sum()};
}

}  // namespace

YoloLoss yolo_loss(const HeadMaps& maps,
                   const Targets& targets,
                   const YoloLossOptions& options,
                   const MaskTargets* masks) {
  check(maps.raw.size() == kStrides.size(), ErrorCode::kInvalidArgument,
        "[tasks] yolo_loss: expected ", kStrides.size(), " maps, got ", maps.raw.size());
  const NoAutocast in_float32;
  const Raw raw = flattened(maps);
  const Anchors anchors = make_anchors(raw.grids, raw.bins);
  const Candidates candidates =
      find_candidates(targets, raw.grids, raw.images, raw.classes).to(raw.bins.device());
  const at::Tensor boxes =
      targets.boxes.to(raw.bins.options(), /*non_blocking=*/true).reshape({-1, 4});
  const Assignment found = assigned(raw, anchors, candidates, boxes, options.assigner);

  const at::Tensor size = found.scores.sum().clamp_min(1);
  const at::Tensor labels =
      targets.labels.to(raw.bins.device(), /*non_blocking=*/true).index_select(0, found.objects);
  const at::Tensor classes = (at::softplus(raw.logits, 1, kLargestLogit).sum() -
                              (own_logits(raw, found.places, labels) * found.scores).sum()) /
                             size;

  const auto [box, dfl] = box_losses(raw, anchors, boxes, found, found.scores / size);
  YoloLoss loss;
  loss.box = (box * options.box_gain).detach();
  loss.dfl = (dfl * options.dfl_gain).detach();
  loss.classes = (classes * options.class_gain).detach();
  loss.positives = found.places.size(0);
  loss.total = box * options.box_gain + classes * options.class_gain + dfl * options.dfl_gain;
  if (masks != nullptr) {
    const Grid& finest = raw.grids[0];
    const at::Tensor part =
        mask_loss(widened(maps.coefficients), widened(maps.proto), found, targets, *masks,
                  {finest.height * finest.stride, finest.width * finest.stride}) *
        options.box_gain;
    loss.total = loss.total + part;
    loss.masks = part.detach();
  }
  loss.total = loss.total * static_cast<double>(raw.images);
  return loss;
}

}  // namespace lorae::tasks::vision
