#pragma once

#include <vector>

#include "data/dataset.h"

namespace lorae::data {

/// `count` places of `size`, or all of them, that go evenly through all.
std::vector<std::int64_t> spread(std::int64_t size, std::int64_t count);

/// A picture fitted to `side` pixels, with what is known drawn into it: boxes, outlines and masks
/// in the colour of the class, and its name. Shape: uint8 [H, W, 3].
at::Tensor with_truth(const Dataset& set, const Sample& sample, std::int64_t side);

/// Pictures row by row on white, each in the middle of a cell, `gap` pixels between them and around
/// them. Shape: uint8 [H, W, 3] in and out. Precondition: no picture is larger than a cell.
at::Tensor tiled(const std::vector<at::Tensor>& pictures,
                 std::int64_t columns,
                 PictureSize cell,
                 std::int64_t gap = 4);

/// Pictures of a set side by side, as `with_truth` has them.
at::Tensor sheet_of(const Dataset& set,
                    const std::vector<std::int64_t>& indices,
                    std::int64_t columns,
                    std::int64_t side);

}  // namespace lorae::data
