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

at::Tensor nms(const at::Tensor& boxes,
               const at::Tensor& scores,
               const at::Tensor& groups,
               double threshold) {
  const at::Tensor order =
      std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
  const at::Tensor sorted = boxes.index_select(0, order).to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor group_of = groups.index_select(0, order).to(at::kCPU).contiguous();
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
  return order.index_select(0, torch::tensor(kept_at, at::kLong).to(order.device()));
}

at::Tensor roi_align(const at::Tensor& features,
                     const at::Tensor& boxes,
                     double scale,
                     std::int64_t bins) {
  check(features.device().is_cpu(), ErrorCode::kInvalidArgument,
        "[ops] roi_align runs on the CPU only");
  at::Tensor out = torch::empty({boxes.size(0), features.size(0), bins, bins}, features.options());
  if (features.scalar_type() == at::kDouble) {
    align<double>(features.contiguous(), boxes.contiguous(), scale, bins, out);
  } else {
    align<float>(features.contiguous(), boxes.contiguous(), static_cast<float>(scale), bins, out);
  }
  return out;
}

}  // namespace lorae::ops
