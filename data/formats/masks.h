#pragma once

#include "data/formats/half.h"

namespace lorae::data {

/// True for a folder with images and masks in folders of those names, below or above folders of
/// halves: images/train and masks/train, or train/images and train/masks, or without halves.
bool holds_masks(const std::filesystem::path& path);

/// The pictures of one half; the mask of each is a PNG of its name and its size. Classes:
/// classes.txt, one a line, for values from 1 on; else `options.names`; else one, "object".
Half find_masks(const std::filesystem::path& path, Split split, const OpenOptions& options);

std::vector<std::string> mask_classes(const std::filesystem::path& path,
                                      const OpenOptions& options);

}  // namespace lorae::data
