#include "models/nets/faster_rcnn/faster_rcnn.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "models/nets/faster_rcnn/parts.h"
#include "models/nets/resnet.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace rcnn {
namespace {

constexpr std::int64_t kDivisor = 32;  // of the sides of a batch

}  // namespace

Conv2dOptions biased(std::int64_t in, std::int64_t out, std::int64_t kernel, ConvInit init) {
  Conv2dOptions options = same_conv(in, out, kernel);
  options.bias = true;
  options.init = init;
  return options;
}

Factors factors(const Size& from, const Size& to) {
  const auto ratio = [](std::int64_t before, std::int64_t after) {
    return static_cast<double>(static_cast<float>(after) / static_cast<float>(before));
  };
  return {ratio(from.width, to.width), ratio(from.height, to.height)};
}

Batch prepared(const std::vector<at::Tensor>& images, const FasterRcnnOptions& options) {
  Batch batch;
  std::vector<at::Tensor> scaled;
  for (const at::Tensor& image : images) {
    const Size original{image.size(1), image.size(2)};
    const auto shorter = static_cast<double>(std::min(original.height, original.width));
    const auto longer = static_cast<double>(std::max(original.height, original.width));
    // In double: older torchvisions, in float32, lose a row of some images.
    const double factor = std::min(static_cast<double>(options.min_size) / shorter,
                                   static_cast<double>(options.max_size) / longer);
    const auto scale = [factor](std::int64_t side) {
      return static_cast<std::int64_t>(std::floor(static_cast<double>(side) * factor));
    };
    const Size size{scale(original.height), scale(original.width)};
    check(size.height > 0 && size.width > 0, ErrorCode::kInvalidArgument, "[models] an image of ",
          original.height, " x ", original.width, " is too thin");
    const auto constant = [&](std::vector<double> values) {
      return torch::tensor(values, at::kDouble).to(image.options()).view({3, 1, 1});
    };
    const at::Tensor normalised =
        (image - constant({0.485, 0.456, 0.406})) / constant({0.229, 0.224, 0.225});
    scaled.push_back(resize_bilinear(normalised.unsqueeze(0), size.height, size.width,
                                     /*align_corners=*/false)
                         .squeeze(0));
    batch.padded.height = std::max(batch.padded.height, size.height);
    batch.padded.width = std::max(batch.padded.width, size.width);
    batch.sizes.push_back(size);
    batch.originals.push_back(original);
  }
  const auto padded = [](std::int64_t side) { return (side + kDivisor - 1) / kDivisor * kDivisor; };
  batch.padded = {padded(batch.padded.height), padded(batch.padded.width)};
  std::vector<at::Tensor> full;
  for (const at::Tensor& image : scaled) {
    full.push_back(at::constant_pad_nd(
        image, {0, batch.padded.width - image.size(2), 0, batch.padded.height - image.size(1)}));
  }
  batch.images = at::stack(full);
  return batch;
}

}  // namespace rcnn

namespace {

using rcnn::kLevels;
using rcnn::kWidth;

constexpr std::int64_t kTestProposals = 1000;  // per level, and in all
constexpr std::int64_t kTrainProposals = 2000;

Conv2dOptions pyramid_conv(std::int64_t in, std::int64_t kernel) {
  return rcnn::biased(in, kWidth, kernel, ConvInit::kLinearUniform);
}

/// Boxes [n, 4] of an image that was scaled.
at::Tensor scaled(const at::Tensor& boxes, const rcnn::Factors& by) {
  return boxes * torch::tensor({by.x, by.y, by.x, by.y}, at::kDouble).to(boxes.options());
}

}  // namespace

/// The backbone: five maps of 256 channels, each half the resolution of the one before.
class FasterRcnn::Pyramid final : public Layer {
 public:
  explicit Pyramid(const NormOptions& norm)
      : body_(add<ResNetBody>("body",
                              ResNetOptions{.table = resnet_table("resnet50"), .norm = norm})) {
    for (std::size_t i = 0; i < kLevels; ++i) {
      inner_.push_back(
          &add<Conv>(str("fpn.inner_blocks.", i, ".0"), pyramid_conv(body_.channels()[i + 1], 1)));
    }
    for (std::size_t i = 0; i < kLevels; ++i) {
      outer_.push_back(&add<Conv>(str("fpn.layer_blocks.", i, ".0"), pyramid_conv(kWidth, 3)));
    }
  }

  std::vector<at::Tensor> forward(const at::Tensor& images) {
    const auto stages = body_.features(images);
    std::vector<at::Tensor> maps(kLevels);
    at::Tensor top;
    for (std::size_t i = kLevels; i-- > 0;) {
      const at::Tensor lateral = inner_[i]->forward(stages[i + 1]);
      top =
          top.defined() ? lateral + resize_nearest(top, lateral.size(2), lateral.size(3)) : lateral;
      maps[i] = outer_[i]->forward(top);
    }
    maps.push_back(at::max_pool2d(maps.back(), {1, 1}, {2, 2}));
    return maps;
  }

 private:
  ResNetBody& body_;
  std::vector<Conv*> inner_, outer_;
};

FasterRcnn::FasterRcnn(const FasterRcnnOptions& options)
    : options_(options),
      pyramid_(&add<Pyramid>("backbone", NormOptions{.frozen = options.frozen_norm})),
      proposer_(&add<rcnn::Proposer>("rpn.head")),
      refiner_(&add<rcnn::Refiner>("roi_heads", options.classes)) {}

std::vector<Detections> FasterRcnn::detect(const std::vector<at::Tensor>& images) {
  const torch::NoGradGuard no_grad;
  const rcnn::Batch batch = rcnn::prepared(images, options_);
  seen("transformed_batch", batch.images);
  const auto maps = pyramid_->forward(batch.images);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    seen(i < kLevels ? str("fpn.", i) : "fpn.pool", maps[i]);
  }
  const auto proposals =
      rcnn::Proposer::proposals(proposer_->forward(maps, batch), batch, kTestProposals);
  seen("proposals", at::cat(proposals));
  const auto [logits, regressions] = refiner_->forward(maps, proposals);
  seen("class_logits", logits);
  seen("box_regression", regressions.flatten(1));

  std::vector<Detections> found;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const std::int64_t end = row + proposals[i].size(0);
    Detections one =
        rcnn::Refiner::detections({logits.slice(0, row, end), regressions.slice(0, row, end)},
                                  proposals[i], batch.sizes[i], options_.score_threshold);
    one.boxes = scaled(one.boxes, rcnn::factors(batch.sizes[i], batch.originals[i]));
    found.push_back(std::move(one));
    row = end;
  }
  return found;
}

FasterRcnnLosses FasterRcnn::losses(const std::vector<at::Tensor>& images,
                                    const std::vector<rcnn::Objects>& targets,
                                    Seed seed) {
  check(images.size() == targets.size() && !images.empty(), ErrorCode::kInvalidArgument,
        "[models] losses: expected targets for each of ", images.size(), " images, got ",
        targets.size());
  const rcnn::Batch batch = rcnn::prepared(images, options_);
  std::vector<rcnn::Objects> objects;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const at::Tensor boxes = targets[i].boxes.to(batch.images.options()).reshape({-1, 4});
    check((boxes.slice(1, 2, 4) - boxes.slice(1, 0, 2)).gt(0).all().item<bool>(),
          ErrorCode::kInvalidArgument, "[models] losses: a box of image ", i, " has no area");
    const at::Tensor& labels = targets[i].labels;
    check(labels.size(0) == boxes.size(0) &&
              labels.ge(1).logical_and(labels.lt(options_.classes)).all().item<bool>(),
          ErrorCode::kInvalidArgument, "[models] losses: expected a label in [1, ",
          options_.classes, ") for each box of image ", i);
    objects.push_back({scaled(boxes, rcnn::factors(batch.originals[i], batch.sizes[i])),
                       labels.to(boxes.device())});
  }
  const auto maps = pyramid_->forward(batch.images);
  const auto levels = proposer_->forward(maps, batch);
  const auto proposed = rcnn::Proposer::losses(levels, objects, options_.anchor_samples, seed);
  const auto refined =
      refiner_->losses(maps, rcnn::Proposer::proposals(levels, batch, kTrainProposals), objects,
                       options_.region_samples, seed);
  return {proposed.objectness, proposed.boxes, refined.classes, refined.boxes};
}

at::Tensor FasterRcnn::forward(const at::Tensor& images) {
  const auto outputs = predict(images);
  const auto column = [&](std::size_t i) {
    return outputs[i].value.to(images.scalar_type()).unsqueeze(1);
  };
  return at::cat({column(3), outputs[0].value, column(1), column(2)}, 1);
}

std::vector<Output> FasterRcnn::predict(const at::Tensor& images) {
  std::vector<at::Tensor> boxes, scores, labels, indices;
  const auto found = detect(images.unbind(0));
  for (std::size_t i = 0; i < found.size(); ++i) {
    boxes.push_back(found[i].boxes);
    scores.push_back(found[i].scores);
    labels.push_back(found[i].labels);
    indices.push_back(torch::full_like(found[i].labels, static_cast<std::int64_t>(i)));
  }
  return {{"boxes", at::cat(boxes)},
          {"scores", at::cat(scores)},
          {"labels", at::cat(labels)},
          {"images", at::cat(indices)}};
}

}  // namespace lorae::models
