#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace lorae::data {

/// A mask PNG as Sample::mask: grey values, or the places of colours in a palette. 0 is nothing, k
/// class k - 1, 255 not counted; with one class and no 1 in it, 255 is that class, as black and
/// white masks have it.
/// Shape: uint8 [H, W]. Errors: kCorruptData, naming the file, if it cannot be decoded, is neither
/// grey nor has a palette, or has a value beyond the classes.
at::Tensor read_mask(const std::filesystem::path& path, std::int64_t classes);

/// The class of most pixels of a mask, -1 if it shows none.
std::int64_t main_class(const at::Tensor& mask, std::int64_t classes);

}  // namespace lorae::data
