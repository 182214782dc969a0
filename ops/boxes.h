#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

// Boxes are [x1, y1, x2, y2] in pixels, one per row: [n, 4]. Everything computes in the dtype that
// it is given.
namespace lorae::ops {

/// What a box is regressed from and by how much: dx, dy, dw, dh are divided by these.
using BoxWeights = std::array<double, 4>;

/// Boxes from anchors [n, 4] and regressions [n, ..., 4] of each. Shape: as `regressions`.
/// Formula: x = ax + dx / w0 * aw; width = aw * exp(min(dw / w2, ln(1000 / 16))).
/// Source: Girshick et al. 2014, "Rich feature hierarchies" (arXiv:1311.2524), appendix C.
at::Tensor decode_boxes(const at::Tensor& anchors,
                        const at::Tensor& regressions,
                        const BoxWeights& weights);

/// Boxes [..., 4] cut at the border of an image.
at::Tensor clip_boxes(const at::Tensor& boxes, std::int64_t height, std::int64_t width);

/// [n] booleans: neither side is shorter than `least` pixels.
at::Tensor are_at_least(const at::Tensor& boxes, double least);

/// Non-maximum suppression: best score first, drops each box whose intersection over union with a
/// kept one of the same group is over `threshold`. Equal scores keep their order.
/// Shape: boxes [n, 4], scores [n], groups [n] (int64) in; indices of the kept ones, best first.
at::Tensor nms(const at::Tensor& boxes,
               const at::Tensor& scores,
               const at::Tensor& groups,
               double threshold);

/// The places that `nms` keeps among boxes in the order of their scores, by LibTorch's operations:
/// for GPUs, where n x n comparisons at once are faster than n in a row.
at::Tensor kept_on_device(const at::Tensor& boxes, const at::Tensor& groups, double threshold);

/// A square grid of averages over each box of a feature map.
/// Formula: each of `bins` x `bins` cells is the mean of 2 x 2 bilinear samples; a box is at least
/// one cell of the map wide; samples more than one cell outside are 0.
/// Shape: features [C, H, W], boxes [n, 4] in image pixels, `scale` cells per pixel in;
/// [n, C, bins, bins] out. No gradient on a CPU.
/// Source: He et al. 2017, "Mask R-CNN" (arXiv:1703.06870), without the half-pixel shift.
at::Tensor roi_align(const at::Tensor& features,
                     const at::Tensor& boxes,
                     double scale,
                     std::int64_t bins);

/// The same by LibTorch's operations, with a gradient: bilinear samples are products of one share
/// per row and one per column, so two matrix products sum them all.
at::Tensor roi_align_anywhere(const at::Tensor& features,
                              const at::Tensor& boxes,
                              double scale,
                              std::int64_t bins);

}  // namespace lorae::ops
