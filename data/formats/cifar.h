#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/image_set.h"

namespace lorae::data {

/// True if `folder` holds at least one data file of CIFAR-10's or CIFAR-100's binary version.
bool holds_cifar(const std::filesystem::path& folder);

/// The class names of the version in `folder`. Errors: as load_cifar.
std::vector<std::string> cifar_classes(const std::filesystem::path& folder);

/// Reads the binary version of CIFAR-10 (data_batch_1.bin to data_batch_5.bin, test_batch.bin,
/// batches.meta.txt) or CIFAR-100 (train.bin, test.bin, fine_label_names.txt), whichever the folder
/// holds. CIFAR-100 gets its 100 fine labels. Files may hold fewer images than the originals.
/// Shape: images [50000, 3, 32, 32] (kTest: 10000) for the original files.
/// Errors: kInvalidConfig if a file is missing or both are in one folder; kCorruptData, naming the
///         file, if one is no whole number of records, holds a label that is no class, or does not
///         name as many classes as there are.
/// Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"; the record
///         layout of https://www.cs.toronto.edu/~kriz/cifar.html.
ImageSet load_cifar(const std::filesystem::path& folder, Split split);

/// The names of CIFAR-100's 20 superclasses, picture by picture: their domains. Empty for CIFAR-10.
/// Without coarse_label_names.txt they are numbers. Errors: as load_cifar.
std::vector<std::string> cifar_domains(const std::filesystem::path& folder, Split split);

}  // namespace lorae::data
