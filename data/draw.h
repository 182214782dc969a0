#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

namespace lorae::data {

/// The picture under a bar with lines of text, in a size that can be read; letters beyond ASCII
/// become '?'. Shape: uint8 [H, W, C] in, [H + bar, W, 3] out.
at::Tensor captioned(const at::Tensor& picture, const std::vector<std::string>& lines);

/// Writes a picture, in the format that the name's ending says. Shape: uint8 [H, W, 1 or 3], RGB.
/// Errors: kInvalidConfig for an ending that cannot be written; kUnavailable if the file cannot be.
void write_picture(const std::filesystem::path& path, const at::Tensor& picture);

}  // namespace lorae::data
