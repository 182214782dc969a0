#pragma once

#include <filesystem>
#include <vector>

#include "data/dataset.h"
#include "data/formats/half.h"

namespace lorae::data {

/// Reads a folder of pictures: one sub-folder per class, whose sorted names give the labels.
///
/// If `folder` holds `train`, `test` or `val` (or training, testing, valid, validation; in any
/// case) and class folders in them, `split` chooses (`test` before `val`), and the labels are those
/// of `train` in both halves. Otherwise all is kTrain. What is in a class folder and is no picture
/// is left out, which a warning says: how many, why, the first three names. Nothing is decoded
/// here. With kPart one class will do, and class folders without images are skipped. `channels`: 3
/// gives RGB, 1 grey. Errors: kIncompatible for another number of channels; kInvalidConfig if there
/// are fewer than two
///         class folders, if one is empty (kPart: all), if `split` is not there, or if a test class
///         is unknown to train.
DatasetPtr open_image_folder(const std::filesystem::path& folder,
                             std::int64_t channels,
                             Split split,
                             const OpenOptions& options = {});

/// The class names alone, in the order of the labels; no picture is read. Errors: as above.
std::vector<std::string> image_folder_classes(const std::filesystem::path& folder,
                                              const OpenOptions& options = {});

}  // namespace lorae::data
