#include "tasks/vision/detections.h"

#include <algorithm>

#include "base/error.h"
#include "ops/boxes.h"
#include "tensors/torch.h"

namespace lorae::tasks::vision {
namespace {

/// Boxes over the confidence: which anchor, which class, how sure. In the order of anchors.
struct Hits {
  at::Tensor anchors, labels, scores;

  Hits at(const at::Tensor& index) const {
    return {anchors.index_select(0, index), labels.index_select(0, index),
            scores.index_select(0, index)};
  }
};

/// `scores`: [A, classes].
Hits hits_of(const at::Tensor& scores, const KeepOptions& options) {
  if (options.every_class && scores.size(1) > 1) {
    const at::Tensor good = scores.gt(options.confidence).nonzero();
    const at::Tensor anchors = good.select(1, 0), labels = good.select(1, 1);
    return {anchors, labels, scores.index({anchors, labels})};
  }
  const auto [best, labels] = scores.max(1);
  const at::Tensor good = best.gt(options.confidence).nonzero().squeeze(1);
  return {good, labels.index_select(0, good), best.index_select(0, good)};
}

Detections kept_of_one(const at::Tensor& decoded,
                       std::int64_t classes,
                       const KeepOptions& options) {
  const at::Tensor rows = decoded.t();
  Hits hits = hits_of(rows.slice(1, 4, 4 + classes).contiguous(), options);
  if (hits.scores.size(0) > options.among) {
    hits = hits.at(std::get<1>(hits.scores.sort(/*stable=*/true, 0, /*descending=*/true))
                       .slice(0, 0, options.among));
  }
  const at::Tensor centred = rows.slice(1, 0, 4).index_select(0, hits.anchors);
  const at::Tensor half = centred.slice(1, 2, 4) / 2;
  const at::Tensor boxes =
      at::cat({centred.slice(1, 0, 2) - half, centred.slice(1, 0, 2) + half}, 1);
  const at::Tensor groups = options.across_classes ? at::zeros_like(hits.labels) : hits.labels;
  const at::Tensor kept = ops::nms(boxes, hits.scores, groups, options.overlap, options.most);
  const Hits best = hits.at(kept);
  return {boxes.index_select(0, kept), best.scores, best.labels,
          rows.slice(1, 4 + classes).index_select(0, best.anchors)};
}

/// [n, k, ...] logits that are 0 outside of boxes [n, 4] in pixels of the last two dimensions.
at::Tensor cropped(const at::Tensor& masks, const at::Tensor& boxes) {
  const auto inside = [&](std::int64_t axis, std::int64_t size) {
    const at::Tensor pixel = at::arange(size, boxes.options());
    return pixel.ge(boxes.select(1, axis).unsqueeze(1))
        .logical_and(pixel.lt(boxes.select(1, axis + 2).unsqueeze(1)));
  };
  return masks * inside(1, masks.size(1)).unsqueeze(2) * inside(0, masks.size(2)).unsqueeze(1);
}

/// Mask logits [n, h, w].
at::Tensor logits_of(const at::Tensor& coefficients, const at::Tensor& proto) {
  check(coefficients.dim() == 2 && proto.dim() == 3 && coefficients.size(1) == proto.size(0),
        ErrorCode::kInvalidArgument, "[tasks] masks: coefficients ", coefficients.sizes(),
        " do not fit prototypes ", proto.sizes());
  return coefficients.matmul(proto.flatten(1)).view({-1, proto.size(1), proto.size(2)});
}

at::Tensor cropped_at_prototypes(const at::Tensor& coefficients,
                                 const at::Tensor& proto,
                                 const at::Tensor& boxes,
                                 const data::PictureSize& image) {
  const double x = static_cast<double>(proto.size(2)) / static_cast<double>(image.width);
  const double y = static_cast<double>(proto.size(1)) / static_cast<double>(image.height);
  const at::Tensor scale = torch::tensor({x, y, x, y}, at::kDouble).to(boxes.options());
  return cropped(logits_of(coefficients, proto), boxes * scale);
}

at::Tensor resized(const at::Tensor& masks, const data::PictureSize& size) {
  if (masks.size(0) == 0) {
    return at::empty({0, size.height, size.width}, masks.options());
  }
  return at::upsample_bilinear2d(masks.unsqueeze(0), {size.height, size.width},
                                 /*align_corners=*/false)
      .squeeze(0);
}

}  // namespace

Detections Detections::to(at::Device device) const {
  return {boxes.to(device), scores.to(device), labels.to(device), coefficients.to(device)};
}

std::vector<Detections> kept_detections(const at::Tensor& decoded,
                                        std::int64_t classes,
                                        const KeepOptions& options) {
  check(decoded.dim() == 3 && decoded.size(1) >= 4 + classes, ErrorCode::kInvalidArgument,
        "[tasks] kept_detections: expected boxes and ", classes, " classes, got ", decoded.sizes());
  const torch::NoGradGuard no_grad;
  std::vector<Detections> kept;
  for (std::int64_t i = 0; i < decoded.size(0); ++i) {
    kept.push_back(kept_of_one(decoded[i], classes, options));
  }
  return kept;
}

at::Tensor in_picture(const at::Tensor& boxes, const data::Placement& placement) {
  const auto each = [&](double x, double y) {
    return torch::tensor({x, y, x, y}, at::kDouble).to(boxes.options());
  };
  return ops::clip_boxes(
      (boxes - each(placement.left, placement.top)) / each(placement.scale_x, placement.scale_y),
      placement.picture.height, placement.picture.width);
}

at::Tensor masks_at_prototypes(const at::Tensor& coefficients,
                               const at::Tensor& proto,
                               const at::Tensor& boxes,
                               const data::PictureSize& image) {
  return cropped_at_prototypes(coefficients, proto, boxes, image).gt(0);
}

at::Tensor masks_of_image(const at::Tensor& coefficients,
                          const at::Tensor& proto,
                          const at::Tensor& boxes,
                          const data::PictureSize& image) {
  return resized(cropped_at_prototypes(coefficients, proto, boxes, image), image).gt(0);
}

at::Tensor prototypes_of_picture(const at::Tensor& proto, const data::PictureSize& picture) {
  const auto rows = static_cast<double>(proto.size(1));
  const auto columns = static_cast<double>(proto.size(2));
  const auto height = static_cast<double>(picture.height);
  const auto width = static_cast<double>(picture.width);
  const double scale = std::min(rows / height, columns / width);
  const double left = (columns - width * scale) / 2, top = (rows - height * scale) / 2;
  const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
  return proto.slice(1, whole(top), whole(rows - top)).slice(2, whole(left), whole(columns - left));
}

at::Tensor masks_of_picture(const at::Tensor& coefficients,
                            const at::Tensor& proto,
                            const at::Tensor& boxes,
                            const data::PictureSize& picture) {
  const at::Tensor logits = logits_of(coefficients, prototypes_of_picture(proto, picture));
  return cropped(resized(logits, picture), boxes).gt(0);
}

}  // namespace lorae::tasks::vision
