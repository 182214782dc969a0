#pragma once

#include <span>

#include "tasks/metrics/objects.h"
#include "tasks/vision/detections.h"

namespace lorae::tasks::vision {

/// Masks as runs. Shape: booleans or uint8 [n, h, w], on any device.
std::vector<metrics::Rle> runs_of(const at::Tensor& masks);

/// `masks_of_picture` as runs, without a map of the picture's size: only what lies in a box is
/// scaled. Pixels whose logit is within rounding of 0 may differ.
std::vector<metrics::Rle> runs_in_picture(const at::Tensor& coefficients,
                                          const at::Tensor& proto,
                                          const at::Tensor& boxes,
                                          const data::PictureSize& picture);

/// Detections of one image as metrics judge them. `masks`: one each, or none.
std::vector<metrics::Found> found_of(const Detections& detections,
                                     std::vector<metrics::Rle> masks = {});

/// What an image shows, as metrics judge it. `boxes`: [n, 4] in pixels; `ignored` and `masks`: one
/// each, or none.
std::vector<metrics::Truth> truths_of(const at::Tensor& boxes,
                                      const at::Tensor& labels,
                                      std::span<const bool> ignored = {},
                                      std::vector<metrics::Rle> masks = {});

/// What pictures of objects show, in pixels: outlines drawn as COCO draws them, if `masks`; where
/// an object has no outline, its box. Source: of the rules, tasks/metrics/draw.cpp.
std::vector<metrics::Truth> truths_of(const std::vector<data::Object>& objects,
                                      const data::PictureSize& picture,
                                      bool masks);

}  // namespace lorae::tasks::vision
