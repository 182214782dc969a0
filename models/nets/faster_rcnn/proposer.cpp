#include <algorithm>
#include <cmath>

#include "models/nets/faster_rcnn/parts.h"
#include "ops/boxes.h"
#include "tensors/device.h"
#include "tensors/torch.h"

namespace lorae::models::rcnn {
namespace {

constexpr std::array<double, 3> kRatios = {0.5, 1, 2};
constexpr std::array<double, 5> kAnchorSides = {32, 64, 128, 256, 512};
constexpr double kOverlap = 0.7;
constexpr double kLeastSide = 1e-3;  // pixels
constexpr ops::BoxWeights kWeights = {1, 1, 1, 1};
constexpr MatchOptions kMatch = {.positive = 0.7, .negative = 0.3, .best_of_each = true};

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

at::Tensor best(const std::vector<Proposer::Level>& levels,
                std::int64_t image,
                const Size& size,
                std::int64_t most) {
  std::vector<at::Tensor> boxes, scores, groups;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const at::Tensor objectness = levels[i].objectness[image];
    const std::int64_t count = std::min(most, objectness.size(0));
    const auto [values, chosen] = objectness.topk(count);
    boxes.push_back(ops::decode_boxes(levels[i].anchors.index_select(0, chosen),
                                      levels[i].regressions[image].index_select(0, chosen),
                                      kWeights));
    scores.push_back(values.sigmoid());
    groups.push_back(torch::full_like(chosen, static_cast<std::int64_t>(i)));
  }
  const at::Tensor all = ops::clip_boxes(at::cat(boxes), size.height, size.width);
  const at::Tensor large = ops::are_at_least(all, kLeastSide).nonzero().squeeze(1);
  const at::Tensor candidates = all.index_select(0, large);
  const at::Tensor kept = ops::nms(candidates, at::cat(scores).index_select(0, large),
                                   at::cat(groups).index_select(0, large), kOverlap, most);
  return candidates.index_select(0, kept);
}

}  // namespace

Proposer::Proposer()
    : conv_(add<Conv>("conv.0.0", proposal_conv(kWidth, 3))),
      objectness_(add<Conv>("cls_logits", proposal_conv(kRatios.size(), 1))),
      boxes_(add<Conv>("bbox_pred", proposal_conv(4 * kRatios.size(), 1))) {}

std::vector<Proposer::Level> Proposer::forward(const std::vector<at::Tensor>& maps,
                                               const Batch& batch) {
  std::vector<Level> levels;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const at::Tensor x = conv_.forward(maps[i]).relu_();
    const Size cells{x.size(2), x.size(3)};
    const std::int64_t count = x.size(0);
    const at::Tensor objectness = widened(objectness_.forward(x));
    levels.push_back(
        {.anchors = anchors_of(kAnchorSides[i], cells, batch.padded, objectness.options()),
         .objectness = objectness.permute({0, 2, 3, 1}).reshape({count, -1}),
         .regressions =
             widened(boxes_.forward(x))
                 .view({count, static_cast<std::int64_t>(kRatios.size()), 4, cells.height, -1})
                 .permute({0, 3, 4, 1, 2})
                 .reshape({count, -1, 4})});
  }
  return levels;
}

std::vector<at::Tensor> Proposer::proposals(const std::vector<Level>& levels,
                                            const Batch& batch,
                                            std::int64_t most) {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> all;
  for (std::size_t i = 0; i < batch.sizes.size(); ++i) {
    all.push_back(best(levels, static_cast<std::int64_t>(i), batch.sizes[i], most));
  }
  return all;
}

Proposer::Losses Proposer::losses(const std::vector<Level>& levels,
                                  const std::vector<Objects>& targets,
                                  const SampleOptions& options,
                                  Seed seed) {
  const auto joined = [&](const auto& member, std::int64_t axis) {
    std::vector<at::Tensor> all;
    for (const Level& level : levels) {
      all.push_back(level.*member);
    }
    return at::cat(all, axis);
  };
  const at::Tensor anchors = joined(&Level::anchors, 0);
  const at::Tensor logits = joined(&Level::objectness, 1);
  const at::Tensor regressions = joined(&Level::regressions, 1);

  std::vector<at::Tensor> seen, wanted;
  at::Tensor distance = at::zeros({}, logits.options());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto image = static_cast<std::int64_t>(i);
    const at::Tensor match = matches(anchors, targets[i].boxes, kMatch);
    const Samples samples = sampled(match, options, seed.derive("anchors", {}, i).random());
    seen.push_back(rows(logits[image], samples.all));
    wanted.push_back(rows(match, samples.all).ge(0));
    if (!samples.positive.empty()) {
      const at::Tensor own = rows(anchors, samples.positive);
      const at::Tensor objects = targets[i].boxes.index_select(
          0, rows(match, samples.positive).to(targets[i].boxes.device()));
      distance = distance + smooth_distance(rows(regressions[image], samples.positive),
                                            ops::encode_boxes(own, objects, kWeights));
    }
  }
  const at::Tensor all = at::cat(seen);
  return {at::binary_cross_entropy_with_logits(all, at::cat(wanted).to(all.options())),
          distance / static_cast<double>(all.size(0))};
}

}  // namespace lorae::models::rcnn
