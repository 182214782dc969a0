#include "tasks/vision/ciou.h"

#include <numbers>

#include "tensors/torch.h"

namespace lorae::tasks::vision {

at::Tensor complete_iou(const at::Tensor& a, const at::Tensor& b) {
  constexpr double kEpsilon = 1e-7;
  constexpr double kShape = 4 / (std::numbers::pi * std::numbers::pi);
  const auto side = [](const at::Tensor& boxes, std::int64_t axis) {
    return boxes.select(1, axis + 2) - boxes.select(1, axis);
  };
  const at::Tensor width_a = side(a, 0), height_a = side(a, 1) + kEpsilon;
  const at::Tensor width_b = side(b, 0), height_b = side(b, 1) + kEpsilon;
  const at::Tensor low_a = a.slice(1, 0, 2), high_a = a.slice(1, 2, 4);
  const at::Tensor low_b = b.slice(1, 0, 2), high_b = b.slice(1, 2, 4);

  const at::Tensor both =
      (at::minimum(high_a, high_b) - at::maximum(low_a, low_b)).clamp_min(0).prod(1);
  const at::Tensor iou = both / (width_a * height_a + width_b * height_b - both + kEpsilon);
  const at::Tensor around =
      (at::maximum(high_a, high_b) - at::minimum(low_a, low_b)).square().sum(1) + kEpsilon;
  const at::Tensor apart = (low_b + high_b - low_a - high_a).square().sum(1) / 4;
  const at::Tensor shape =
      kShape * (at::atan(width_b / height_b) - at::atan(width_a / height_a)).square();
  const at::Tensor share = [&] {
    const torch::NoGradGuard no_grad;
    return shape / (shape - iou + (1 + kEpsilon));
  }();
  return iou - (apart / around + shape * share);
}

}  // namespace lorae::tasks::vision
