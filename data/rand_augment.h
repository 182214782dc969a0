#pragma once

#include <ATen/core/Tensor.h>

#include "base/seed.h"

namespace lorae::data {

/// `count` changes, each drawn from fourteen: none, shears, shifts, a turn, brightness, colour,
/// contrast, sharpness, fewer bits, solarising, stretched contrast, equalising. `magnitude` in [0,
/// 1]: how strong. What comes in at borders is the mean grey 114. Shape: uint8 [H, W, 1 or 3],
/// contiguous, in and out. Source: Cubuk et al. 2020, "RandAugment" (arXiv:1909.13719); strengths
/// of torchvision's, where a magnitude of 1 is its bin 30.
at::Tensor rand_augmented(const at::Tensor& image,
                          std::int64_t count,
                          double magnitude,
                          Random& random);

}  // namespace lorae::data
