#include "tasks/vision/assigner.h"

#include <algorithm>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::tasks::vision {
namespace {

constexpr double kInside = 1e-9;  // pixels between a centre and the border, at least
constexpr double kEpsilon = 1e-9;

/// The cells of a line whose centres lie strictly between two borders. By comparisons alone: a
/// border may be anything, NaN included.
struct Span {
  std::int64_t first = 0, end = 0;
};
Span cells_between(double low, double high, std::int64_t cells, std::int64_t stride) {
  const auto inside = [&](std::int64_t i) {
    const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(stride);
    return centre - low > kInside && high - centre > kInside;
  };
  Span span;
  while (span.first < cells && !inside(span.first)) {
    ++span.first;
  }
  span.end = span.first;
  while (span.end < cells && inside(span.end)) {
    ++span.end;
  }
  return span;
}

/// Calls visit(anchor) for each anchor inside of a box.
template <typename Visit>
void for_each_inside(const double* box, std::span<const Grid> grids, Visit&& visit) {
  std::int64_t first = 0;
  for (const Grid& grid : grids) {
    const Span x = cells_between(box[0], box[2], grid.width, grid.stride);
    const Span y = cells_between(box[1], box[3], grid.height, grid.stride);
    for (std::int64_t row = y.first; row < y.end; ++row) {
      for (std::int64_t column = x.first; column < x.end; ++column) {
        visit(first + row * grid.width + column);
      }
    }
    first += grid.size();
  }
}

/// Indices in the order of groups; in each the largest value first, and of equals the first.
at::Tensor by_group(const at::Tensor& groups, const at::Tensor& values) {
  const at::Tensor by_value = std::get<1>(values.sort(/*stable=*/true, 0, /*descending=*/true));
  return by_value.index_select(
      0,
      std::get<1>(
          groups.index_select(0, by_value).sort(/*stable=*/true, /*dim=*/0, /*descending=*/false)));
}

/// [n] booleans: the largest value of its group, of equals the first.
at::Tensor are_best(const at::Tensor& groups, const at::Tensor& values) {
  const at::Tensor order = by_group(groups, values);
  const at::Tensor group = groups.index_select(0, order);
  at::Tensor first = at::ones_like(group, at::kBool);
  first.slice(0, 1) = group.slice(0, 1).ne(group.slice(0, 0, -1));
  return at::empty_like(first).index_copy_(0, order, first);
}

/// The largest value of each one's group; `count` groups.
at::Tensor largest_of_group(const at::Tensor& groups,
                            const at::Tensor& values,
                            std::int64_t count) {
  return at::zeros({count}, values.options())
      .index_add_(0, groups, values * are_best(groups, values))
      .index_select(0, groups);
}

/// [p] booleans: the candidate is one of the best of its object.
at::Tensor among_best(const Candidates& candidates,
                      const at::Tensor& aligned,
                      std::int64_t objects,
                      std::int64_t top) {
  const at::Tensor order = by_group(candidates.objects, aligned);
  const at::Tensor at_start = at::arange(order.size(0), order.options()) - candidates.firsts;
  const at::Tensor rank = at::empty_like(order).index_copy_(0, order, at_start);
  // Where nothing is aligned, anchors outside of the box compete, too: all of them are 0.
  const at::Tensor positive = aligned.gt(0).to(at::kLong);
  const at::Tensor before = positive.cumsum(0) - positive;
  const at::Tensor before_in_object = before - before.index_select(0, candidates.firsts);
  const at::Tensor in_object = at::zeros({objects}, order.options())
                                   .index_add_(0, candidates.objects, positive)
                                   .index_select(0, candidates.objects);
  const at::Tensor rank_of_zero = in_object + candidates.anchors - before_in_object;
  return at::where(positive.to(at::kBool), rank, rank_of_zero).lt(top);
}

/// [p] booleans: of `taken`, each place once.
at::Tensor without_rivals(const Candidates& candidates,
                          const at::Tensor& taken,
                          const at::Tensor& overlaps,
                          std::int64_t places) {
  const at::Tensor claims = at::zeros({places}, candidates.places.options())
                                .index_add_(0, candidates.places, taken.to(at::kLong))
                                .index_select(0, candidates.places);
  return at::where(claims.gt(1), are_best(candidates.places, overlaps), taken);
}

}  // namespace

std::int64_t anchors_of(std::span<const Grid> grids) {
  std::int64_t count = 0;
  for (const Grid& grid : grids) {
    count += grid.size();
  }
  return count;
}

Anchors make_anchors(std::span<const Grid> grids, const at::Tensor& like) {
  std::vector<at::Tensor> centres, strides;
  for (const Grid& grid : grids) {
    const at::Tensor x = at::arange(grid.width, like.options()) + 0.5;
    const at::Tensor y = at::arange(grid.height, like.options()) + 0.5;
    centres.push_back(at::stack({x.expand({grid.height, grid.width}).reshape(-1),
                                 y.unsqueeze(1).expand({grid.height, grid.width}).reshape(-1)},
                                1));
    strides.push_back(at::full({grid.size(), 1}, grid.stride, like.options()));
  }
  return {at::cat(centres), at::cat(strides)};
}

Candidates Candidates::to(at::Device device) const {
  const auto moved = [&](const at::Tensor& t) { return t.to(device, /*non_blocking=*/true); };
  return {moved(objects), moved(anchors), moved(places), moved(labels), moved(firsts)};
}

Candidates find_candidates(const Targets& targets,
                           std::span<const Grid> grids,
                           std::int64_t images,
                           std::int64_t classes) {
  const at::Tensor boxes = targets.boxes.to(at::kDouble).reshape({-1, 4}).contiguous();
  const at::Tensor labels = targets.labels.contiguous(), batch = targets.images.contiguous();
  check(boxes.size(0) == targets.size() && batch.size(0) == targets.size(),
        ErrorCode::kInvalidArgument,
        "[tasks] targets: expected as many boxes and images as labels");
  const double* corners = boxes.data_ptr<double>();
  const auto* label = labels.data_ptr<std::int64_t>();
  const auto* image = batch.data_ptr<std::int64_t>();
  const std::int64_t anchors = anchors_of(grids);
  std::array<std::vector<std::int64_t>, 5> columns;
  for (std::int64_t i = 0; i < targets.size(); ++i) {
    check(image[i] >= (i == 0 ? 0 : image[i - 1]) && image[i] < images, ErrorCode::kInvalidArgument,
          "[tasks] target ", i, " is of image ", image[i], ": expected them in the order of ",
          images, " images");
    check(label[i] >= 0 && label[i] < classes, ErrorCode::kInvalidArgument, "[tasks] target ", i,
          ": expected a label in [0, ", classes, "), got ", label[i]);
    const std::int64_t first = std::ssize(columns[0]);
    for_each_inside(corners + 4 * i, grids, [&](std::int64_t anchor) {
      columns[0].push_back(i);
      columns[1].push_back(anchor);
      columns[2].push_back(image[i] * anchors + anchor);
      columns[3].push_back(label[i]);
      columns[4].push_back(first);
    });
  }
  const auto tensor = [&](std::size_t i) { return torch::tensor(columns[i], at::kLong); };
  return {tensor(0), tensor(1), tensor(2), tensor(3), tensor(4)};
}

Assignment assign(const Candidates& candidates,
                  const at::Tensor& scores,
                  const at::Tensor& overlaps,
                  std::int64_t objects,
                  std::int64_t places,
                  const AssignerOptions& options) {
  const torch::NoGradGuard no_grad;
  const at::Tensor aligned = scores.pow(options.alpha) * overlaps.pow(options.beta);
  const at::Tensor taken = among_best(candidates, aligned, objects, options.top);
  const at::Tensor kept = without_rivals(candidates, taken, overlaps, places).nonzero().squeeze(1);
  const at::Tensor object = candidates.objects.index_select(0, kept);
  const at::Tensor t = aligned.index_select(0, kept);
  const at::Tensor widest = largest_of_group(object, overlaps.index_select(0, kept), objects);
  return {candidates.places.index_select(0, kept), object,
          t * widest / (largest_of_group(object, t, objects) + kEpsilon)};
}

}  // namespace lorae::tasks::vision
