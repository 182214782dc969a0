#pragma once

#include <filesystem>

#include "data/image_set.h"

namespace lorae::data {

/// True if `folder` holds at least one of the four IDX files, compressed or not.
bool holds_fashion_mnist(const std::filesystem::path& folder);

/// The names of the labels in the training half: Fashion-MNIST's ten, or numbers where there are
/// more. Errors: those of the file of labels.
std::vector<std::string> idx_classes(const std::filesystem::path& folder);

/// Reads {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, each plain or `.gz`
/// (plain wins where both exist), also as train-images.idx3-ubyte, and in a folder of its own name.
/// Debian's package dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist. MNIST
/// and its relatives load too, but get Fashion-MNIST's class names if they have ten classes. Shape:
/// images [60000, 1, 28, 28] (kTest: 10000) for the original files. Units: needs about the memory
/// of the pixels; .gz is inflated straight into the tensor. Errors: kInvalidConfig if a file is
/// missing; kCorruptData, naming the file, if one is truncated,
///         damaged, not IDX, holds a label that the training half does not have, or if labels and
///         images differ in number.
/// Source: Xiao et al. 2017, "Fashion-MNIST" (arXiv:1708.07747); the IDX format of LeCun's MNIST.
ImageSet load_fashion_mnist(const std::filesystem::path& folder, Split split);

}  // namespace lorae::data
