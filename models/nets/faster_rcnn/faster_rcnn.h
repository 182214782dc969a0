#pragma once

#include "models/layers/network.h"
#include "models/nets/faster_rcnn/targets.h"

namespace lorae::models {

/// What inference keeps, how large images are made first, and what training looks at. Defaults:
/// the reference's.
struct FasterRcnnOptions {
  std::int64_t classes = 91;     ///< background, class 0, included
  bool frozen_norm = true;       ///< BatchNorm's tensors are buffers
  std::int64_t min_size = 800;   ///< pixels; the shorter side is scaled to it ...
  std::int64_t max_size = 1333;  ///< ... unless the longer one would pass this
  double score_threshold = 0.05;
  rcnn::SampleOptions anchor_samples = {.count = 256, .positive = 0.5};
  rcnn::SampleOptions region_samples = {.count = 512, .positive = 0.25};
};

/// What was found in one image, best first.
struct Detections {
  at::Tensor boxes;   ///< [n, 4], x1 y1 x2 y2 in pixels of the image as it came
  at::Tensor scores;  ///< [n]
  at::Tensor labels;  ///< [n], int64, from 1
};

/// Scalars with graphs; training minimises their sum.
struct FasterRcnnLosses {
  at::Tensor objectness, proposals;  ///< of the network that proposes regions
  at::Tensor classes, boxes;         ///< of the one that refines them
};

/// Faster R-CNN on a ResNet-50 with a feature pyramid: a network that proposes regions, then one
/// that classifies and refines each.
/// Source: Ren et al. 2015 (arXiv:1506.01497), Lin et al. 2016 (arXiv:1612.03144); names, anchors
/// and thresholds as in torchvision.
class FasterRcnn final : public Network {
 public:
  explicit FasterRcnn(const FasterRcnnOptions& options);

  /// Images are scaled until the shorter side has that many pixels.
  void set_min_size(std::int64_t pixels) { options_.min_size = pixels; }

  /// Images of any sizes, [3, H, W] with values in [0, 1], in one batch.
  std::vector<Detections> detect(const std::vector<at::Tensor>& images);

  /// What training minimises. Which anchors and regions are looked at is drawn from `seed`.
  /// Formula: objectness and classes are mean cross-entropies of the samples; proposals and boxes
  /// sum a smooth L1 (beta = 1 / 9) over positive samples, / all samples. An anchor is positive
  /// from an overlap of 0.7 on, or as the best of an object, and negative below 0.3; a region is
  /// positive from 0.5 on.
  /// Shape: targets, one entry per image, in pixels of the images as they come.
  /// Errors: kInvalidArgument for other numbers of images and targets, a label outside of
  /// [1, classes), or a box of no width or height.
  /// Source: Ren et al. 2015, section 3.1; Girshick 2015 (arXiv:1504.08083), section 2.3.
  FasterRcnnLosses losses(const std::vector<at::Tensor>& images,
                          const std::vector<rcnn::Objects>& targets,
                          Seed seed);

  /// All detections of a batch of equal images, a row each: image, x1, y1, x2, y2, score, label.
  /// Shape: [N, 3, H, W] in, [n, 7] out.
  at::Tensor forward(const at::Tensor& images) override;
  /// "boxes", "scores", "labels", and "images": which of the batch each row is of.
  std::vector<Output> predict(const at::Tensor& images) override;
  std::vector<std::string> head() const override {
    return {"roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"};
  }
  std::vector<std::string> branches() const override { return {"rpn.head", "roi_heads"}; }

 private:
  class Pyramid;

  FasterRcnnOptions options_;
  Pyramid* pyramid_;
  rcnn::Proposer* proposer_;
  rcnn::Refiner* refiner_;
};

}  // namespace lorae::models
