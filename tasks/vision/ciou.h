#pragma once

#include <ATen/core/Tensor.h>

namespace lorae::tasks::vision {

/// How well boxes cover boxes, row by row: intersection over union, less how far the centres lie
/// apart and how unlike the shapes are.
/// Formula: iou - d^2 / c^2 - alpha v; v = 4 / pi^2 (atan(w2 / h2) - atan(w1 / h1))^2;
/// alpha = v / (v - iou + 1 + e) without a gradient; c the diagonal of the box around both. e =
/// 1e-7 joins both heights, the union and c^2, as in the reference.
/// Shape: x1 y1 x2 y2, [n, 4] twice in; [n] out.
/// Source: Zheng et al. 2020 (arXiv:1911.08287), equations 7 to 11.
at::Tensor complete_iou(const at::Tensor& a, const at::Tensor& b);

}  // namespace lorae::tasks::vision
