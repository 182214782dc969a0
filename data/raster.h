#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/dataset.h"

// Outlines as pixels. An object without an outline fills its box.
namespace lorae::data {

/// uint8 [H, W]: 1 where any of the objects is. Formula: OpenCV's fillPoly of 1000 points of the
/// outline, rounded down to whole pixels; border pixels belong to it.
at::Tensor outline_map(const std::vector<Object>& objects, PictureSize size);

/// int16 [H / ratio, W / ratio]: k where object k - 1 is, 0 where none is. The objects are put into
/// the order of their areas there, largest first, and smaller ones lie on top of larger ones.
at::Tensor instance_map(std::vector<Object>& objects, PictureSize size, std::int64_t ratio);

/// uint8 [H, W]: label + 1 where an object is, smaller ones on top; 0 where none is.
at::Tensor class_map(const std::vector<Object>& objects, PictureSize size);

/// The outer borders of what is not 0 in a map uint8 [H, W], one polygon per part, in pixels.
std::vector<Polygon> contours(const at::Tensor& map);

}  // namespace lorae::data
