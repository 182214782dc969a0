#include "models/nets/faster_rcnn/targets.h"

#include <algorithm>

#include "ops/boxes.h"
#include "tensors/torch.h"

namespace lorae::models::rcnn {
namespace {

/// `count` of `from`, all equally likely; all if there are no more.
std::vector<std::int64_t> drawn(std::vector<std::int64_t> from,
                                std::int64_t count,
                                Random& random) {
  const auto wanted =
      static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, std::ssize(from)));
  if (wanted < from.size()) {
    for (std::size_t i = 0; i < wanted; ++i) {
      std::swap(from[i], from[i + random.below(from.size() - i)]);
    }
    from.resize(wanted);
  }
  return from;
}

}  // namespace

at::Tensor matches(const at::Tensor& boxes,
                   const at::Tensor& objects,
                   const MatchOptions& options) {
  const auto on_cpu = at::TensorOptions().dtype(at::kLong);
  if (objects.size(0) == 0) {
    return at::full({boxes.size(0)}, kNegative, on_cpu);
  }
  const torch::NoGradGuard no_grad;
  const at::Tensor overlaps = ops::overlaps(objects, boxes);
  const auto [best, first] = overlaps.max(0);
  at::Tensor found = at::where(best.lt(options.positive), at::full_like(first, kBetween), first);
  found = at::where(best.lt(options.negative), at::full_like(first, kNegative), found);
  if (options.best_of_each) {
    const at::Tensor most = std::get<0>(overlaps.max(1, /*keepdim=*/true));
    const at::Tensor is_best = overlaps.eq(most).logical_and(most.gt(0)).any(0);
    found = at::where(is_best, first, found);
  }
  return found.cpu();
}

Samples sampled(const at::Tensor& matches, const SampleOptions& options, Random random) {
  const auto* match = matches.data_ptr<std::int64_t>();
  std::vector<std::int64_t> positive, negative;
  for (std::int64_t i = 0; i < matches.size(0); ++i) {
    if (match[i] != kBetween) {
      (match[i] == kNegative ? negative : positive).push_back(i);
    }
  }
  const auto share =
      static_cast<std::int64_t>(static_cast<double>(options.count) * options.positive);
  Samples samples;
  samples.positive = drawn(std::move(positive), share, random);
  samples.all = drawn(std::move(negative), options.count - std::ssize(samples.positive), random);
  samples.all.insert(samples.all.end(), samples.positive.begin(), samples.positive.end());
  std::sort(samples.positive.begin(), samples.positive.end());
  std::sort(samples.all.begin(), samples.all.end());
  return samples;
}

at::Tensor smooth_distance(const at::Tensor& a, const at::Tensor& b) {
  return at::smooth_l1_loss(a, b, at::Reduction::Sum, 1.0 / 9);
}

at::Tensor rows(const at::Tensor& of, const std::vector<std::int64_t>& indices) {
  return of.index_select(0, torch::tensor(indices, at::kLong).to(of.device()));
}

}  // namespace lorae::models::rcnn
