#pragma once

#include "models/layers/network.h"

namespace lorae::models {

/// U-Net with a ResNet-34 encoder: five decoder blocks double the resolution, each but the last
/// beside the encoder's map of that size. Image sides must be multiples of 32.
/// Shape: [N, classes, H, W] logits.
/// Source: Ronneberger et al. 2015 (arXiv:1505.04597); widths and names as in
/// segmentation_models_pytorch.
std::unique_ptr<Network> build_unet(std::int64_t channels, std::int64_t classes);

}  // namespace lorae::models
