#pragma once

#include "models/layers/network.h"

namespace lorae::models {

/// What inference keeps, and how large images are made first. Defaults: the reference's.
struct FasterRcnnOptions {
  std::int64_t classes = 91;     ///< background, class 0, included
  bool frozen_norm = true;       ///< BatchNorm's tensors are buffers
  std::int64_t min_size = 800;   ///< pixels; the shorter side is scaled to it ...
  std::int64_t max_size = 1333;  ///< ... unless the longer one would pass this
  double score_threshold = 0.05;
};

/// What was found in one image, best first.
struct Detections {
  at::Tensor boxes;   ///< [n, 4], x1 y1 x2 y2 in pixels of the image as it came
  at::Tensor scores;  ///< [n]
  at::Tensor labels;  ///< [n], int64, from 1
};

/// Faster R-CNN on a ResNet-50 with a feature pyramid: a network that proposes regions, then one
/// that classifies and refines each. Inference only.
/// Source: Ren et al. 2015 (arXiv:1506.01497), Lin et al. 2016 (arXiv:1612.03144); names, anchors
/// and thresholds as in torchvision.
class FasterRcnn final : public Network {
 public:
  explicit FasterRcnn(const FasterRcnnOptions& options);

  /// Images of any sizes, [3, H, W] with values in [0, 1], in one batch.
  std::vector<Detections> detect(const std::vector<at::Tensor>& images);

  /// All detections of a batch of equal images, a row each: image, x1, y1, x2, y2, score, label.
  /// Shape: [N, 3, H, W] in, [n, 7] out.
  at::Tensor forward(const at::Tensor& images) override;
  /// "boxes", "scores", "labels", and "images": which of the batch each row is of.
  std::vector<Output> predict(const at::Tensor& images) override;

 private:
  class Pyramid;
  class Proposer;
  class Refiner;
  struct Batch;

  Batch prepare(const std::vector<at::Tensor>& images) const;

  FasterRcnnOptions options_;
  Pyramid* pyramid_;
  Proposer* proposer_;
  Refiner* refiner_;
};

}  // namespace lorae::models
