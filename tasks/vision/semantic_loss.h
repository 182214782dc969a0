#pragma once

#include <ATen/core/Tensor.h>

namespace lorae::tasks::vision {

struct SemanticLossOptions {
  double entropy_weight = 1;
  double dice_weight = 1;
};

/// The parts are without graphs, times their weights; `total` is their sum.
struct SemanticLoss {
  at::Tensor total;
  at::Tensor entropy, dice;
};

/// The loss of a network that labels pixels.
/// Formula: the mean cross-entropy of the pixels that count, and the mean over channels of 1 - 2
/// sum(p y) / max(sum(p) + sum(y), 1e-7), over batch and pixels; 0 for channels that no pixel
/// shows. Pixels that do not count are in no sum.
/// Shape: logits [N, classes + 1, H, W], the background first, or [N, 1, H, W] of one class, whose
/// probability is a sigmoid; masks uint8 [N, H, W]: 0 the background, k class k - 1, data::kVoid
/// does not count.
/// Errors: kInvalidArgument for other shapes.
/// Source: Milletari et al. 2016, "V-Net" (arXiv:1606.04797), equation 1, with p in place of p^2,
/// as segmentation_models_pytorch has it.
SemanticLoss semantic_loss(const at::Tensor& logits,
                           const at::Tensor& masks,
                           const SemanticLossOptions& options = {});

/// What such a network says of each pixel. Shape: uint8 [N, H, W] and float [N, H, W].
struct PixelLabels {
  at::Tensor classes;  ///< 0 the background, k class k - 1
  at::Tensor scores;   ///< the probability of what `classes` says
};
PixelLabels pixel_labels(const at::Tensor& logits);

}  // namespace lorae::tasks::vision
