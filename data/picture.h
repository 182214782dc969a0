#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

#include "data/picture_files.h"

namespace lorae::data {

/// Decodes a picture file: JPEG, PNG, BMP, WebP, TIFF, PNM or JPEG 2000. Of 16 bits the upper 8 are
/// taken; if all are below 2^12, of those 12.
/// Shape: uint8 [H, W, 3] RGB, or [H, W, 1] grey for `channels` 1.
/// Errors: kCorruptData, naming the file and the decoder's complaint, if it cannot be decoded or if
///         the decoder had to make up a part of it.
at::Tensor read_picture(const std::filesystem::path& path, std::int64_t channels);

/// Stretches a picture to the size of `planes` (OpenCV's INTER_AREA) and makes its channels those
/// of `planes`: grey to RGB by repetition, RGB to grey by Rec. 601. Shape: uint8 [H, W, C] in;
/// `planes` uint8 [C', H', W'], contiguous, is written.
void fit_into(const at::Tensor& picture, const at::Tensor& planes);

}  // namespace lorae::data
