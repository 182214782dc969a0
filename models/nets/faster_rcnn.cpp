#include "models/nets/faster_rcnn.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "models/nets/resnet.h"
#include "ops/boxes.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

constexpr std::int64_t kWidth = 256;  // channels of the pyramid
constexpr std::size_t kLevels = 4;    // of the pyramid; a fifth is subsampled for proposals
constexpr std::int64_t kBins = 7;     // RoIAlign
constexpr std::int64_t kFeatures = 1024;
constexpr std::int64_t kDivisor = 32;  // of the sides of a batch
constexpr std::array<double, 3> kRatios = {0.5, 1, 2};
constexpr std::array<double, 5> kAnchorSides = {32, 64, 128, 256, 512};
constexpr std::int64_t kProposalsPerLevel = 1000;
constexpr std::int64_t kProposals = 1000;
constexpr std::int64_t kDetections = 100;
constexpr double kProposalOverlap = 0.7;
constexpr double kDetectionOverlap = 0.5;
constexpr double kLeastProposal = 1e-3;  // pixels
constexpr double kLeastDetection = 1e-2;
constexpr ops::BoxWeights kProposalWeights = {1, 1, 1, 1};
constexpr ops::BoxWeights kDetectionWeights = {10, 10, 5, 5};

struct Size {
  std::int64_t height = 0, width = 0;
};

Conv2dOptions biased(std::int64_t in, std::int64_t out, std::int64_t kernel, ConvInit init) {
  Conv2dOptions options = same_conv(in, out, kernel);
  options.bias = true;
  options.init = init;
  return options;
}

Conv2dOptions pyramid_conv(std::int64_t in, std::int64_t kernel) {
  return biased(in, kWidth, kernel, ConvInit::kLinearUniform);
}

Conv2dOptions proposal_conv(std::int64_t out, std::int64_t kernel) {
  return biased(kWidth, out, kernel, ConvInit::kSmallNormal);
}

/// Anchors of one level, row by row, each cell's three ratios together. Shape: [cells * 3, 4].
at::Tensor anchors_of(double side,
                      const Size& cells,
                      const Size& image,
                      const at::TensorOptions& options) {
  std::vector<double> base;
  for (const double ratio : kRatios) {
    // In single precision, half to even: the reference's constants.
    const auto root = std::sqrt(static_cast<float>(ratio));
    const double half_height = std::nearbyint(root * static_cast<float>(side) / 2);
    const double half_width = std::nearbyint(1 / root * static_cast<float>(side) / 2);
    base.insert(base.end(), {-half_width, -half_height, half_width, half_height});
  }
  const at::Tensor x = torch::arange(cells.width, options) * (image.width / cells.width);
  const at::Tensor y = torch::arange(cells.height, options) * (image.height / cells.height);
  const auto grid = torch::meshgrid({y, x}, "ij");
  const at::Tensor shifts = at::stack({grid[1], grid[0], grid[1], grid[0]}, -1).view({-1, 1, 4});
  return (shifts + torch::tensor(base, at::kDouble).to(options).view({1, -1, 4})).view({-1, 4});
}

}  // namespace

/// Images as the network sees them: normalised, scaled, in one padded batch.
struct FasterRcnn::Batch {
  at::Tensor images;  ///< [N, 3, H, W]
  Size padded;
  std::vector<Size> sizes;      ///< of each image, scaled
  std::vector<Size> originals;  ///< of each image as it came
};

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

/// The region proposal network: an objectness and a box for each anchor.
class FasterRcnn::Proposer final : public Layer {
 public:
  Proposer()
      : conv_(add<Conv>("conv.0.0", proposal_conv(kWidth, 3))),
        objectness_(add<Conv>("cls_logits", proposal_conv(kRatios.size(), 1))),
        boxes_(add<Conv>("bbox_pred", proposal_conv(4 * kRatios.size(), 1))) {}

  /// Regions that may hold an object, [n, 4] for each image, best first.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& maps, const Batch& batch) {
    std::vector<Level> levels;
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const at::Tensor x = conv_.forward(maps[i]).relu_();
      const Size cells{x.size(2), x.size(3)};
      const std::int64_t count = x.size(0);
      levels.push_back(
          {.anchors = anchors_of(kAnchorSides[i], cells, batch.padded, x.options()),
           .objectness = objectness_.forward(x).permute({0, 2, 3, 1}).reshape({count, -1}),
           .regressions =
               boxes_.forward(x)
                   .view({count, static_cast<std::int64_t>(kRatios.size()), 4, cells.height, -1})
                   .permute({0, 3, 4, 1, 2})
                   .reshape({count, -1, 4})});
    }
    std::vector<at::Tensor> proposals;
    for (std::size_t i = 0; i < batch.sizes.size(); ++i) {
      proposals.push_back(best(levels, static_cast<std::int64_t>(i), batch.sizes[i]));
    }
    return proposals;
  }

 private:
  struct Level {
    at::Tensor anchors;      ///< [A, 4]
    at::Tensor objectness;   ///< [N, A], logits
    at::Tensor regressions;  ///< [N, A, 4]
  };

  static at::Tensor best(const std::vector<Level>& levels, std::int64_t image, const Size& size) {
    std::vector<at::Tensor> boxes, scores, groups;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const at::Tensor objectness = levels[i].objectness[image];
      const std::int64_t count = std::min(kProposalsPerLevel, objectness.size(0));
      const auto [values, chosen] = objectness.topk(count);
      boxes.push_back(ops::decode_boxes(levels[i].anchors.index_select(0, chosen),
                                        levels[i].regressions[image].index_select(0, chosen),
                                        kProposalWeights));
      scores.push_back(values.sigmoid());
      groups.push_back(torch::full_like(chosen, static_cast<std::int64_t>(i)));
    }
    const at::Tensor all = ops::clip_boxes(at::cat(boxes), size.height, size.width);
    const at::Tensor large = ops::are_at_least(all, kLeastProposal).nonzero().squeeze(1);
    const at::Tensor candidates = all.index_select(0, large);
    const at::Tensor kept = ops::nms(candidates, at::cat(scores).index_select(0, large),
                                     at::cat(groups).index_select(0, large), kProposalOverlap);
    return candidates.index_select(0, kept.slice(0, 0, kProposals));
  }

  Conv& conv_;
  Conv& objectness_;
  Conv& boxes_;
};

/// Class and box of each proposal.
class FasterRcnn::Refiner final : public Layer {
 public:
  explicit Refiner(std::int64_t classes)
      : fc6_(add<Linear>("box_head.fc6", kWidth * kBins * kBins, kFeatures)),
        fc7_(add<Linear>("box_head.fc7", kFeatures, kFeatures)),
        scores_(add<Linear>("box_predictor.cls_score", kFeatures, classes)),
        boxes_(add<Linear>("box_predictor.bbox_pred", kFeatures, 4 * classes)) {}

  struct Refined {
    at::Tensor logits;       ///< [n, classes]
    at::Tensor regressions;  ///< [n, classes, 4]
  };

  /// `proposals` per image; rows of the result are theirs, image by image.
  Refined forward(const std::vector<at::Tensor>& maps, const std::vector<at::Tensor>& proposals) {
    std::vector<at::Tensor> pooled;
    for (std::size_t i = 0; i < proposals.size(); ++i) {
      pooled.push_back(pool(maps, static_cast<std::int64_t>(i), proposals[i]));
    }
    const at::Tensor x = fc7_.forward(fc6_.forward(at::cat(pooled).flatten(1)).relu_()).relu_();
    return {scores_.forward(x), boxes_.forward(x).view({x.size(0), -1, 4})};
  }

 private:
  /// From the level whose cells suit the size of each box.
  /// Formula: level = floor(4 + log2(sqrt(area) / 224)), in 2..5.
  static at::Tensor pool(const std::vector<at::Tensor>& maps,
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
      out.index_copy_(0, here,
                      ops::roi_align(maps[i][image], boxes.index_select(0, here), scale, kBins));
    }
    return out;
  }

  Linear& fc6_;
  Linear& fc7_;
  Linear& scores_;
  Linear& boxes_;
};

namespace {

/// The best detections of one image, in pixels of the scaled image.
Detections select(const at::Tensor& logits,
                  const at::Tensor& regressions,
                  const at::Tensor& proposals,
                  const Size& size,
                  double threshold) {
  const std::int64_t objects = logits.size(1) - 1;
  const at::Tensor boxes =
      ops::clip_boxes(ops::decode_boxes(proposals, regressions, kDetectionWeights), size.height,
                      size.width)
          .slice(1, 1)
          .reshape({-1, 4});
  const at::Tensor scores = logits.softmax(1).slice(1, 1).reshape(-1);
  const at::Tensor labels =
      torch::arange(1, objects + 1, scores.options().dtype(at::kLong)).repeat({proposals.size(0)});
  const at::Tensor good = scores.gt(threshold)
                              .logical_and(ops::are_at_least(boxes, kLeastDetection))
                              .nonzero()
                              .squeeze(1);
  const at::Tensor kept =
      good.index_select(0, ops::nms(boxes.index_select(0, good), scores.index_select(0, good),
                                    labels.index_select(0, good), kDetectionOverlap)
                               .slice(0, 0, kDetections));
  return {boxes.index_select(0, kept), scores.index_select(0, kept), labels.index_select(0, kept)};
}

}  // namespace

FasterRcnn::FasterRcnn(const FasterRcnnOptions& options)
    : options_(options),
      pyramid_(&add<Pyramid>("backbone", NormOptions{.frozen = options.frozen_norm})),
      proposer_(&add<Proposer>("rpn.head")),
      refiner_(&add<Refiner>("roi_heads", options.classes)) {}

FasterRcnn::Batch FasterRcnn::prepare(const std::vector<at::Tensor>& images) const {
  Batch batch;
  std::vector<at::Tensor> scaled;
  for (const at::Tensor& image : images) {
    const Size original{image.size(1), image.size(2)};
    const auto shorter = static_cast<double>(std::min(original.height, original.width));
    const auto longer = static_cast<double>(std::max(original.height, original.width));
    // In double: older torchvisions, in float32, lose a row of some images.
    const double factor = std::min(static_cast<double>(options_.min_size) / shorter,
                                   static_cast<double>(options_.max_size) / longer);
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

std::vector<Detections> FasterRcnn::detect(const std::vector<at::Tensor>& images) {
  const torch::NoGradGuard no_grad;
  const Batch batch = prepare(images);
  seen("transformed_batch", batch.images);
  const auto maps = pyramid_->forward(batch.images);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    seen(i < kLevels ? str("fpn.", i) : "fpn.pool", maps[i]);
  }
  const auto proposals = proposer_->forward(maps, batch);
  seen("proposals", at::cat(proposals));
  const auto [logits, regressions] = refiner_->forward(maps, proposals);
  seen("class_logits", logits);
  seen("box_regression", regressions.flatten(1));

  std::vector<Detections> found;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const std::int64_t end = row + proposals[i].size(0);
    Detections one = select(logits.slice(0, row, end), regressions.slice(0, row, end), proposals[i],
                            batch.sizes[i], options_.score_threshold);
    const auto back = [](std::int64_t original, std::int64_t scaled) {
      return static_cast<double>(static_cast<float>(original) / static_cast<float>(scaled));
    };
    const double y = back(batch.originals[i].height, batch.sizes[i].height);
    const double x = back(batch.originals[i].width, batch.sizes[i].width);
    one.boxes = one.boxes * torch::tensor({x, y, x, y}, at::kDouble).to(one.boxes.options());
    found.push_back(std::move(one));
    row = end;
  }
  return found;
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
