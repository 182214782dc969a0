#pragma once

#include <vector>

#include "models/nets/yolo/head.h"
#include "tasks/vision/assigner.h"

namespace lorae::tasks::vision {

/// Outlines of a batch's objects, at the resolution of the prototypes or another one.
struct MaskTargets {
  /// Shape: [N, h, w] maps, where k is the k-th object of that image, from 1, and 0 none, if
  /// `joined`; else [n, h, w], not 0 where the object is.
  at::Tensor masks;
  bool joined = true;
};

struct YoloLossOptions {
  double box_gain = 7.5;  ///< of masks, too
  double class_gain = 0.5;
  double dfl_gain = 1.5;
  AssignerOptions assigner = {};
};

/// The parts are without graphs, times their gains; `total` is their sum times the batch's images.
struct YoloLoss {
  at::Tensor total;
  at::Tensor box, masks, classes, dfl;  ///< scalars; `masks` undefined without them
  std::int64_t positives = 0;           ///< anchors that learn an object
};

/// The loss of YOLOv8, v5u and 11.
/// Formula: S = max(sum of target scores, 1). classes: binary cross-entropy of all anchors and
/// classes, summed, / S. box: sum of (1 - CIoU) s / S over positives of target score s. dfl: the
/// cross-entropy of the two bins around each side's distance, in cells and at most 14.99, by how
/// near they are; the mean of the sides, weighed likewise. masks: see mask_loss.
/// Shape: targets in pixels of images whose first map has cells of 8 pixels.
/// Waits for the device once, to know how many anchors learn; with masks again, to know where.
/// Errors: as find_candidates; kInvalidArgument for masks that do not fit.
/// Source: Li et al. 2020 (arXiv:2006.04388), equation 6, for dfl; see assigner.h and ciou.h.
YoloLoss yolo_loss(const models::yolo::HeadMaps& maps,
                   const Targets& targets,
                   const YoloLossOptions& options = {},
                   const MaskTargets* masks = nullptr);

}  // namespace lorae::tasks::vision
