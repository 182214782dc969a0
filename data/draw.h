#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "data/objects.h"

namespace lorae::data {

/// The picture under a bar with lines of text, in a size that can be read; letters beyond ASCII
/// become '?'. Shape: uint8 [H, W, C] in, [H + bar, W, 3] out.
at::Tensor captioned(const at::Tensor& picture, const std::vector<std::string>& lines);

/// Something to be pointed out in a picture.
struct Mark {
  std::int64_t label = 0;  ///< its colour; -1: grey
  std::string text;        ///< stands at the box, or in the corner
  Box box = {};            ///< in pixels; of no area: none
  at::Tensor mask = {};    ///< uint8 or bool [H, W], tinted; undefined: none
};

/// The picture with the marks drawn into it, masks and then boxes with their texts, the first on
/// top; lines and letters in a size that suits the picture. Shape: uint8 [H, W, C] in, [H, W, 3]
/// out.
at::Tensor marked(const at::Tensor& picture, const std::vector<Mark>& marks);

/// Writes a picture, in the format that the name's ending says. Shape: uint8 [H, W, 1 or 3], RGB.
/// `quality`: of a JPEG, in percent.
/// Errors: kInvalidConfig for an ending that cannot be written; kUnavailable if the file cannot be.
void write_picture(const std::filesystem::path& path, const at::Tensor& picture, int quality = 95);

}  // namespace lorae::data
