#include "ops/boxes.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::ops {
namespace {

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

at::Tensor encode_boxes(const at::Tensor& anchors,
                        const at::Tensor& boxes,
                        const BoxWeights& weights) {
  const auto sides = [](const at::Tensor& b) { return b.slice(1, 2, 4) - b.slice(1, 0, 2); };
  const at::Tensor from = sides(anchors), to = sides(boxes);
  const at::Tensor moved =
      (boxes.slice(1, 0, 2) + 0.5 * to - anchors.slice(1, 0, 2) - 0.5 * from) / from;
  const at::Tensor scale =
      torch::tensor(std::vector<double>(weights.begin(), weights.end()), at::kDouble)
          .to(boxes.options());
  return at::cat({moved, at::log(to / from)}, 1) * scale;
}

at::Tensor clip_boxes(const at::Tensor& boxes, std::int64_t height, std::int64_t width) {
  const auto column = [&](std::int64_t i, std::int64_t border) {
    return boxes.select(-1, i).clamp(0, border);
  };
  return at::stack({column(0, width), column(1, height), column(2, width), column(3, height)}, -1);
}

at::Tensor overlaps(const at::Tensor& a, const at::Tensor& b) {
  const auto side = [&](std::int64_t axis) {
    return (at::minimum(a.select(1, axis + 2).unsqueeze(1), b.select(1, axis + 2)) -
            at::maximum(a.select(1, axis).unsqueeze(1), b.select(1, axis)))
        .clamp_min_(0);
  };
  const auto area = [](const at::Tensor& boxes) {
    return (boxes.slice(1, 2, 4) - boxes.slice(1, 0, 2)).prod(-1);
  };
  const at::Tensor both = side(0).mul_(side(1));
  return (both / (area(a).unsqueeze(1) + area(b) - both)).nan_to_num_(0);
}

at::Tensor are_at_least(const at::Tensor& boxes, double least) {
  return (boxes.select(-1, 2) - boxes.select(-1, 0))
      .ge(least)
      .logical_and((boxes.select(-1, 3) - boxes.select(-1, 1)).ge(least));
}

namespace {

/// The places in an order, best first, that greedy suppression keeps.
at::Tensor kept_on_cpu(const at::Tensor& boxes,
                       const at::Tensor& groups,
                       double threshold,
                       std::int64_t most) {
  const at::Tensor sorted = boxes.to(at::kDouble).contiguous();
  const at::Tensor group_of = groups.contiguous();
  const double* corners = sorted.data_ptr<double>();
  const std::int64_t* group = group_of.data_ptr<std::int64_t>();
  std::vector<Box> kept;
  std::vector<std::int64_t> kept_at;
  for (std::int64_t i = 0; i < boxes.size(0) && std::ssize(kept) < most; ++i) {
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

/// [n, m] booleans: box i of `a` suppresses box j of `b`, if it comes first.
at::Tensor suppressions(const at::Tensor& a,
                        const at::Tensor& group_a,
                        const at::Tensor& b,
                        const at::Tensor& group_b,
                        double threshold) {
  return overlaps(a, b).gt(threshold).logical_and(group_a.unsqueeze(1).eq(group_b));
}

/// Of boxes in order, [n] booleans: who is kept among those that `free` lets compete.
at::Tensor kept_among(const at::Tensor& boxes,
                      const at::Tensor& groups,
                      const at::Tensor& free,
                      double threshold) {
  const at::Tensor suppressed_by =
      suppressions(boxes, groups, boxes, groups, threshold).triu(1).to(at::kFloat);
  // Who is kept depends on those before alone, so there is one fixed point; each pass settles at
  // least one more box, and a pass that changes nothing has found it.
  at::Tensor kept = free.to(at::kFloat);
  for (;;) {
    const at::Tensor next = at::matmul(kept, suppressed_by).eq(0).logical_and(free).to(at::kFloat);
    if (next.equal(kept)) {
      return kept.to(at::kBool);
    }
    kept = next;
  }
}

}  // namespace

at::Tensor kept_on_device(const at::Tensor& boxes,
                          const at::Tensor& groups,
                          double threshold,
                          std::int64_t most) {
  constexpr std::int64_t kAtOnce = 2048;  // bounds the memory
  const at::Tensor exact = boxes.to(at::kDouble);
  at::Tensor kept = at::empty({0}, groups.options());
  for (std::int64_t first = 0; first < boxes.size(0) && kept.size(0) < most; first += kAtOnce) {
    const at::Tensor some = exact.slice(0, first, first + kAtOnce);
    const at::Tensor group = groups.slice(0, first, first + kAtOnce);
    const at::Tensor free = suppressions(exact.index_select(0, kept), groups.index_select(0, kept),
                                         some, group, threshold)
                                .any(0)
                                .logical_not();
    kept =
        at::cat({kept, kept_among(some, group, free, threshold).nonzero().squeeze(1).add(first)});
  }
  return kept.slice(0, 0, std::min(most, kept.size(0)));
}

at::Tensor nms(const at::Tensor& boxes,
               const at::Tensor& scores,
               const at::Tensor& groups,
               double threshold,
               std::int64_t most) {
  const at::Tensor order =
      std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
  const at::Tensor sorted = boxes.index_select(0, order), group_of = groups.index_select(0, order);
  return order.index_select(0, boxes.device().is_cpu()
                                   ? kept_on_cpu(sorted, group_of, threshold, most)
                                   : kept_on_device(sorted, group_of, threshold, most));
}

}  // namespace lorae::ops
