#include <cmath>

#include "models/nets/faster_rcnn/parts.h"
#include "ops/boxes.h"
#include "tensors/device.h"
#include "tensors/torch.h"

namespace lorae::models::rcnn {
namespace {

constexpr std::int64_t kBins = 7;  // RoIAlign
constexpr std::int64_t kFeatures = 1024;
constexpr std::int64_t kDetections = 100;
constexpr double kOverlap = 0.5;
constexpr double kLeastSide = 1e-2;  // pixels
constexpr ops::BoxWeights kWeights = {10, 10, 5, 5};
constexpr MatchOptions kMatch = {.positive = 0.5, .negative = 0.5};

/// From the level whose cells suit the size of each box.
/// Formula: level = floor(4 + log2(sqrt(area) / 224)), in 2..5.
at::Tensor pooled(const std::vector<at::Tensor>& maps,
                  std::int64_t image,
                  const at::Tensor& boxes) {
  const at::Tensor sides = boxes.slice(1, 2, 4) - boxes.slice(1, 0, 2);
  const at::Tensor level = (4 + at::log2(sides.prod(1).sqrt() / 224) + 1e-6)
                               .floor()
                               .clamp(2, 1 + static_cast<double>(kLevels));
  at::Tensor out = torch::empty({boxes.size(0), kWidth, kBins, kBins}, boxes.options());
  for (std::size_t i = 0; i < kLevels; ++i) {
    const at::Tensor here = level.eq(static_cast<double>(i + 2)).nonzero().squeeze(1);
    const double scale = std::ldexp(1.0, -static_cast<int>(i + 2));
    const at::Tensor pooled =
        ops::roi_align(maps[i][image], boxes.index_select(0, here), scale, kBins);
    out.index_copy_(0, here, pooled.to(out.scalar_type()));
  }
  return out;
}

}  // namespace

Refiner::Refiner(std::int64_t classes)
    : fc6_(add<Linear>("box_head.fc6", kWidth * kBins * kBins, kFeatures)),
      fc7_(add<Linear>("box_head.fc7", kFeatures, kFeatures)),
      scores_(add<Linear>("box_predictor.cls_score", kFeatures, classes)),
      boxes_(add<Linear>("box_predictor.bbox_pred", kFeatures, 4 * classes)) {}

Refiner::Refined Refiner::forward(const std::vector<at::Tensor>& maps,
                                  const std::vector<at::Tensor>& proposals) {
  std::vector<at::Tensor> all;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    all.push_back(pooled(maps, static_cast<std::int64_t>(i), proposals[i]));
  }
  const at::Tensor x = fc7_.forward(fc6_.forward(at::cat(all).flatten(1)).relu_()).relu_();
  return {widened(scores_.forward(x)), widened(boxes_.forward(x)).view({x.size(0), -1, 4})};
}

Detections Refiner::detections(const Refined& refined,
                               const at::Tensor& proposals,
                               const Size& size,
                               double threshold) {
  const std::int64_t objects = refined.logits.size(1) - 1;
  const at::Tensor boxes =
      ops::clip_boxes(ops::decode_boxes(proposals, refined.regressions, kWeights), size.height,
                      size.width)
          .slice(1, 1)
          .reshape({-1, 4});
  const at::Tensor scores = refined.logits.softmax(1).slice(1, 1).reshape(-1);
  const at::Tensor labels =
      torch::arange(1, objects + 1, scores.options().dtype(at::kLong)).repeat({proposals.size(0)});
  const at::Tensor good =
      scores.gt(threshold).logical_and(ops::are_at_least(boxes, kLeastSide)).nonzero().squeeze(1);
  const at::Tensor kept =
      good.index_select(0, ops::nms(boxes.index_select(0, good), scores.index_select(0, good),
                                    labels.index_select(0, good), kOverlap, kDetections));
  return {boxes.index_select(0, kept), scores.index_select(0, kept), labels.index_select(0, kept)};
}

Refiner::Losses Refiner::losses(const std::vector<at::Tensor>& maps,
                                const std::vector<at::Tensor>& proposals,
                                const std::vector<Objects>& targets,
                                const SampleOptions& options,
                                Seed seed) {
  std::vector<at::Tensor> regions, labels, wanted;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Objects& objects = targets[i];
    const at::Tensor all = at::cat({proposals[i], objects.boxes});
    const at::Tensor match = matches(all, objects.boxes, kMatch);
    const Samples samples = sampled(match, options, seed.derive("regions", {}, i).random());
    const at::Tensor region = rows(all, samples.all);
    const at::Tensor object = rows(match, samples.all).to(all.device());
    regions.push_back(region);
    if (objects.boxes.size(0) == 0) {
      labels.push_back(at::zeros_like(object));
      wanted.push_back(at::zeros_like(region));
      continue;
    }
    const at::Tensor of = object.clamp_min(0);
    labels.push_back(objects.labels.index_select(0, of) * object.ge(0));
    wanted.push_back(ops::encode_boxes(region, objects.boxes.index_select(0, of), kWeights));
  }
  const Refined refined = forward(maps, regions);
  const at::Tensor label = at::cat(labels);
  const at::Tensor positive = label.gt(0).nonzero().squeeze(1);
  const at::Tensor own = refined.regressions.index({positive, label.index_select(0, positive)});
  const at::Tensor distance = smooth_distance(own, at::cat(wanted).index_select(0, positive));
  return {at::cross_entropy_loss(refined.logits, label),
          distance / static_cast<double>(label.size(0))};
}

}  // namespace lorae::models::rcnn
