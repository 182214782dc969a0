#pragma once

#include <filesystem>

#include "data/formats/open.h"
#include "data/formats/set_writer.h"

namespace lorae::data {

struct Converted {
  std::int64_t images = 0;
  std::int64_t objects = 0;  ///< written; masks have none
};

/// Writes both halves of a set in another format; the pictures' files are copied as they are. Out
/// of masks, parts of one class that touch become one object each; out of objects the smaller lie
/// on top in a mask. A half that is not there is left out.
/// Errors: those of open_dataset; kInvalidConfig for a set of one class for each picture, or if
///         `out` holds something.
Converted convert_set(const std::filesystem::path& from,
                      const std::filesystem::path& out,
                      SetFormat format,
                      const OpenOptions& options);

/// Objects of a mask: one for each part of a class that touches itself at the sides of pixels.
/// Shape: uint8 [H, W], as Sample::mask.
std::vector<Object> objects_of_mask(const at::Tensor& mask, std::int64_t classes);

}  // namespace lorae::data
