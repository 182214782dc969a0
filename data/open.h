#pragma once

#include <filesystem>

#include "data/image_set.h"

namespace lorae::data {

/// Loads whatever image data set the folder holds: Fashion-MNIST's IDX files, CIFAR's binary
/// version, or one sub-folder of pictures per class, which are resized to `wanted`.
/// Errors: those of the three loaders; kInvalidConfig if `path` is no folder or holds none of them
///         (the message lists what is accepted); kIncompatible if the images are not of size
///         `wanted`.
ImageSet open_image_set(const std::filesystem::path& path, ImageShape wanted, Split split);

}  // namespace lorae::data
