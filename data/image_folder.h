#pragma once

#include <filesystem>
#include <vector>

#include "data/image_set.h"

namespace lorae::data {

/// The visible sub-folders of `folder`, sorted by name; none if it cannot be read.
std::vector<std::filesystem::path> sub_folders(const std::filesystem::path& folder);

/// Reads a folder of pictures: one sub-folder per class, whose sorted names give the labels.
///
/// If `folder` holds `train`, `test` or `val` and class folders in them, `split` chooses (`test`
/// before `val`), and the labels are those of `train` in both halves. Otherwise all is kTrain.
/// Files that do not end like a picture, and names with a leading dot, are skipped.
/// Each picture is stretched to `shape` (OpenCV's INTER_AREA), RGB for 3 channels, grey for 1.
/// With kPart one class will do, and class folders without images are skipped.
/// Units: needs the memory of the resized pixels and of one decoded picture per thread.
/// Errors: kIncompatible if `shape` has neither 1 nor 3 channels; kInvalidConfig if there are fewer
///         than two class folders, if one is empty (kPart: all), if `split` is not there, or if a
///         test class is unknown to train; kCorruptData, naming the first, if a picture cannot be
///         decoded or is a JPEG that ends early.
ImageSet load_image_folder(const std::filesystem::path& folder,
                           ImageShape shape,
                           Split split,
                           Holding holding = Holding::kWhole);

/// The class names alone, in the order of the labels; no picture is read. Errors: as above.
std::vector<std::string> image_folder_classes(const std::filesystem::path& folder,
                                              Holding holding = Holding::kWhole);

}  // namespace lorae::data
