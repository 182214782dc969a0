#include "ops/boxes.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::ops {
namespace {

constexpr int kSamples = 2;  // per side of a cell

/// One coordinate of a bilinear sample: two neighbours and the second one's share.
struct Sample {
  std::int64_t low = 0, high = 0;
  double share = 0;
  bool outside = false;
};

template <typename Scalar>
Sample sample_at(Scalar position, std::int64_t size) {
  if (position < Scalar{-1} || position > static_cast<Scalar>(size)) {
    return {.outside = true};
  }
  const Scalar inside = std::max(position, Scalar{0});
  const auto low = static_cast<std::int64_t>(inside);
  if (low >= size - 1) {
    return {.low = size - 1, .high = size - 1};
  }
  return {.low = low, .high = low + 1, .share = inside - static_cast<Scalar>(low)};
}

/// The samples of all cells along one side of a box.
template <typename Scalar>
std::vector<Sample> samples_along(Scalar from, Scalar to, std::int64_t bins, std::int64_t size) {
  const Scalar cell = std::max(to - from, Scalar{1}) / static_cast<Scalar>(bins);
  std::vector<Sample> samples;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    for (int i = 0; i < kSamples; ++i) {
      samples.push_back(
          sample_at<Scalar>(from + static_cast<Scalar>(bin) * cell +
                                (static_cast<Scalar>(i) + Scalar{0.5}) * cell / Scalar{kSamples},
                            size));
    }
  }
  return samples;
}

template <typename Scalar>
Scalar interpolate(const Scalar* map, std::int64_t width, const Sample& y, const Sample& x) {
  if (y.outside || x.outside) {
    return 0;
  }
  const auto fy = static_cast<Scalar>(y.share);
  const auto fx = static_cast<Scalar>(x.share);
  const Scalar* top = map + y.low * width;
  const Scalar* bottom = map + y.high * width;
  return (1 - fy) * (1 - fx) * top[x.low] + (1 - fy) * fx * top[x.high] +
         fy * (1 - fx) * bottom[x.low] + fy * fx * bottom[x.high];
}

template <typename Scalar>
void align(const at::Tensor& features,
           const at::Tensor& boxes,
           Scalar scale,
           std::int64_t bins,
           at::Tensor& out) {
  const std::int64_t channels = features.size(0), height = features.size(1),
                     width = features.size(2);
  const Scalar* maps = features.data_ptr<Scalar>();
  const Scalar* corners = boxes.data_ptr<Scalar>();
  Scalar* averages = out.data_ptr<Scalar>();
  at::parallel_for(0, boxes.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t box = begin; box < end; ++box) {
      const Scalar* corner = corners + 4 * box;
      const auto xs = samples_along(corner[0] * scale, corner[2] * scale, bins, width);
      const auto ys = samples_along(corner[1] * scale, corner[3] * scale, bins, height);
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        const Scalar* map = maps + channel * height * width;
        Scalar* cells = averages + (box * channels + channel) * bins * bins;
        for (std::int64_t cell = 0; cell < bins * bins; ++cell) {
          Scalar sum = 0;
          for (int i = 0; i < kSamples * kSamples; ++i) {
            sum += interpolate(map, width,
                               ys[static_cast<std::size_t>(cell / bins * kSamples + i / kSamples)],
                               xs[static_cast<std::size_t>(cell % bins * kSamples + i % kSamples)]);
          }
          cells[cell] = sum / (kSamples * kSamples);
        }
      }
    }
  });
}

struct Box {
  double x1, y1, x2, y2, area;
};

bool overlap(const Box& a, const Box& b, double threshold) {
  const double width = std::max(0.0, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
  const double height = std::max(0.0, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
  const double both = width * height;
  return both / (a.area + b.area - both) > threshold;
}

}  // namespace

at::Tensor decode_boxes(const at::Tensor& anchors,
                        const at::Tensor& regressions,
                        const BoxWeights& weights) {
  std::vector<std::int64_t> per_anchor(static_cast<std::size_t>(regressions.dim() - 1), 1);
  per_anchor[0] = -1;
  const auto column = [](const at::Tensor& boxes, std::int64_t i) { return boxes.select(-1, i); };
  const at::Tensor width = (column(anchors, 2) - column(anchors, 0)).view(per_anchor);
  const at::Tensor height = (column(anchors, 3) - column(anchors, 1)).view(per_anchor);
  const at::Tensor x = column(anchors, 0).view(per_anchor) + 0.5 * width;
  const at::Tensor y = column(anchors, 1).view(per_anchor) + 0.5 * height;
  const double largest = std::log(1000.0 / 16);
  const at::Tensor new_x = column(regressions, 0) / weights[0] * width + x;
  const at::Tensor new_y = column(regressions, 1) / weights[1] * height + y;
  const at::Tensor half_width =
      0.5 * at::exp((column(regressions, 2) / weights[2]).clamp_max(largest)) * width;
  const at::Tensor half_height =
      0.5 * at::exp((column(regressions, 3) / weights[3]).clamp_max(largest)) * height;
  return at::stack(
      {new_x - half_width, new_y - half_height, new_x + half_width, new_y + half_height}, -1);
}

at::Tensor clip_boxes(const at::Tensor& boxes, std::int64_t height, std::int64_t width) {
  const auto column = [&](std::int64_t i, std::int64_t border) {
    return boxes.select(-1, i).clamp(0, border);
  };
  return at::stack({column(0, width), column(1, height), column(2, width), column(3, height)}, -1);
}

at::Tensor are_at_least(const at::Tensor& boxes, double least) {
  return (boxes.select(-1, 2) - boxes.select(-1, 0))
      .ge(least)
      .logical_and((boxes.select(-1, 3) - boxes.select(-1, 1)).ge(least));
}

namespace {

/// The places in an order, best first, that greedy suppression keeps.
at::Tensor kept_on_cpu(const at::Tensor& boxes, const at::Tensor& groups, double threshold) {
  const at::Tensor sorted = boxes.to(at::kDouble).contiguous();
  const at::Tensor group_of = groups.contiguous();
  const double* corners = sorted.data_ptr<double>();
  const std::int64_t* group = group_of.data_ptr<std::int64_t>();
  std::vector<Box> kept;
  std::vector<std::int64_t> kept_at;
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const double* c = corners + 4 * i;
    const Box box{c[0], c[1], c[2], c[3], (c[2] - c[0]) * (c[3] - c[1])};
    bool suppressed = false;
    for (std::size_t j = 0; j < kept.size() && !suppressed; ++j) {
      suppressed = group[kept_at[j]] == group[i] && overlap(kept[j], box, threshold);
    }
    if (!suppressed) {
      kept.push_back(box);
      kept_at.push_back(i);
    }
  }
  return torch::tensor(kept_at, at::kLong);
}

/// [n, n] booleans: row j, if it is kept, suppresses column i.
at::Tensor suppressions(const at::Tensor& boxes, const at::Tensor& groups, double threshold) {
  const at::Tensor b = boxes.to(at::kDouble);
  const at::Tensor low = at::maximum(b.slice(1, 0, 2).unsqueeze(1), b.slice(1, 0, 2));
  const at::Tensor high = at::minimum(b.slice(1, 2, 4).unsqueeze(1), b.slice(1, 2, 4));
  const at::Tensor both = (high - low).clamp_min(0).prod(-1);
  const at::Tensor area = (b.slice(1, 2, 4) - b.slice(1, 0, 2)).prod(-1);
  return (both / (area.unsqueeze(1) + area - both))
      .gt(threshold)
      .logical_and(groups.unsqueeze(1).eq(groups))
      .triu(1);
}

}  // namespace

at::Tensor kept_on_device(const at::Tensor& boxes, const at::Tensor& groups, double threshold) {
  const at::Tensor suppressed_by = suppressions(boxes, groups, threshold).to(at::kFloat);
  // Who is kept depends on those before alone, so there is one fixed point; each pass settles at
  // least one more box, and a pass that changes nothing has found it.
  at::Tensor kept = at::ones({boxes.size(0)}, suppressed_by.options());
  for (;;) {
    const at::Tensor next = at::matmul(kept, suppressed_by).eq(0).to(at::kFloat);
    if (next.equal(kept)) {
      return kept.nonzero().squeeze(1);
    }
    kept = next;
  }
}

at::Tensor nms(const at::Tensor& boxes,
               const at::Tensor& scores,
               const at::Tensor& groups,
               double threshold) {
  const at::Tensor order =
      std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
  const at::Tensor sorted = boxes.index_select(0, order), group_of = groups.index_select(0, order);
  return order.index_select(0, boxes.device().is_cpu()
                                   ? kept_on_cpu(sorted, group_of, threshold)
                                   : kept_on_device(sorted, group_of, threshold));
}

namespace {

/// How much each line of a map counts in each cell along one side of boxes, from `from` to `to` in
/// lines: the mean of kSamples bilinear samples. Shape: [n] in, [n, bins, size] out.
at::Tensor shares_along(const at::Tensor& from,
                        const at::Tensor& to,
                        std::int64_t bins,
                        std::int64_t size) {
  const at::Tensor cell = (to - from).clamp_min(1).div(static_cast<double>(bins)).view({-1, 1, 1});
  const at::Tensor bin = at::arange(bins, from.options()).view({1, -1, 1});
  const at::Tensor within =
      (at::arange(kSamples, from.options()) + 0.5).div(static_cast<double>(kSamples));
  const at::Tensor position = from.view({-1, 1, 1}) + bin * cell + within * cell;
  const at::Tensor inside = position.clamp(0, static_cast<double>(size - 1)).unsqueeze(-1);
  const at::Tensor line = at::arange(size, from.options());
  const at::Tensor there =
      position.ge(-1).logical_and(position.le(static_cast<double>(size))).unsqueeze(-1);
  return (1 - (inside - line).abs()).clamp_min(0).mul(there).sum(2).div(kSamples);
}

}  // namespace

at::Tensor roi_align_anywhere(const at::Tensor& features,
                              const at::Tensor& boxes,
                              double scale,
                              std::int64_t bins) {
  constexpr std::int64_t kBoxes = 64;  // at once: bounds the memory
  const std::int64_t channels = features.size(0), height = features.size(1),
                     width = features.size(2);
  const at::Tensor corners = boxes * scale;
  std::vector<at::Tensor> all;
  for (std::int64_t first = 0; first < boxes.size(0); first += kBoxes) {
    const at::Tensor some = corners.slice(0, first, first + kBoxes);
    const at::Tensor across = shares_along(some.select(1, 0), some.select(1, 2), bins, width);
    const at::Tensor down = shares_along(some.select(1, 1), some.select(1, 3), bins, height);
    const at::Tensor rows =  // [n, C, H, bins]
        at::matmul(features.reshape({1, channels * height, width}), across.transpose(1, 2))
            .view({-1, channels, height, bins});
    all.push_back(at::matmul(down.unsqueeze(1), rows));
  }
  return all.empty() ? at::empty({0, channels, bins, bins}, features.options()) : at::cat(all);
}

at::Tensor roi_align(const at::Tensor& features,
                     const at::Tensor& boxes,
                     double scale,
                     std::int64_t bins) {
  if (!features.device().is_cpu()) {
    return roi_align_anywhere(features, boxes, scale, bins);
  }
  at::Tensor out = torch::empty({boxes.size(0), features.size(0), bins, bins}, features.options());
  if (features.scalar_type() == at::kDouble) {
    align<double>(features.contiguous(), boxes.contiguous(), scale, bins, out);
  } else {
    align<float>(features.contiguous(), boxes.contiguous(), static_cast<float>(scale), bins, out);
  }
  return out;
}

}  // namespace lorae::ops
