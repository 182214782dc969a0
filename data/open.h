#pragma once

#include <filesystem>

#include "data/image_set.h"

namespace lorae::data {

/// Loads whatever image data set the folder holds: Fashion-MNIST's IDX files, CIFAR's binary
/// version, or one sub-folder of pictures per class, which are resized to `wanted`.
/// Errors: those of the three loaders; kInvalidConfig if `path` is no folder or holds none of them
///         (the message lists what is accepted); kIncompatible if the images are not of size
///         `wanted`.
ImageSet open_image_set(const std::filesystem::path& path,
                        ImageShape wanted,
                        Split split,
                        Holding holding = Holding::kWhole);

/// The names of the classes of such a folder, in the order of its labels, without reading images.
/// Errors: as open_image_set for what names and files alone show.
std::vector<std::string> class_names(const std::filesystem::path& path,
                                     Holding holding = Holding::kWhole);

}  // namespace lorae::data
