#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <limits>
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

/// The regressions that turn anchors into boxes, row by row: what decode_boxes undoes.
at::Tensor encode_boxes(const at::Tensor& anchors,
                        const at::Tensor& boxes,
                        const BoxWeights& weights);

/// Intersection over union of all pairs; 0 where neither box has an area.
/// Shape: [n, 4], [m, 4] in; [n, m] out.
at::Tensor overlaps(const at::Tensor& a, const at::Tensor& b);

/// Boxes [..., 4] cut at the border of an image.
at::Tensor clip_boxes(const at::Tensor& boxes, std::int64_t height, std::int64_t width);

inline constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

/// [n] booleans: neither side is shorter than `least` pixels.
at::Tensor are_at_least(const at::Tensor& boxes, double least);

/// Non-maximum suppression: best score first, drops each box whose intersection over union with a
/// kept one of the same group is over `threshold`. Equal scores keep their order. Ends when `most`
/// are kept: those that come later suppress none of them.
/// Shape: boxes [n, 4], scores [n], groups [n] (int64) in; indices of the kept ones, best first.
at::Tensor nms(const at::Tensor& boxes,
               const at::Tensor& scores,
               const at::Tensor& groups,
               double threshold,
               std::int64_t most = kAll);

/// The places that `nms` keeps among boxes in the order of their scores, by LibTorch's operations:
/// for GPUs, where many comparisons at once are faster than as many in a row.
at::Tensor kept_on_device(const at::Tensor& boxes,
                          const at::Tensor& groups,
                          double threshold,
                          std::int64_t most = kAll);

/// A square grid of averages over each box of a feature map.
/// Formula: each of `bins` x `bins` cells is the mean of 2 x 2 bilinear samples; a box is at least
/// one cell of the map wide; samples more than one cell outside are 0.
/// Shape: features [C, H, W], boxes [n, 4] in image pixels, `scale` cells per pixel in;
/// [n, C, bins, bins] out, with a gradient of the features.
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
