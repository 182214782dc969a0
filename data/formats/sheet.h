#pragma once

#include <vector>

#include "data/dataset.h"

namespace lorae::data {

/// Pictures side by side, each fitted to `side` pixels, with what is known drawn into it: boxes,
/// outlines and masks in the colour of the class, and its name. Shape: uint8 [H, W, 3].
at::Tensor sheet_of(const Dataset& set,
                    const std::vector<std::int64_t>& indices,
                    std::int64_t columns,
                    std::int64_t side);

}  // namespace lorae::data
