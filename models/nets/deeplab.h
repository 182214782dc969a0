#pragma once

#include "models/layers/network.h"

namespace lorae::models {

/// DeepLabV3 on a dilated ResNet ("resnet50", "resnet101"): output stride 8, atrous spatial pyramid
/// pooling, bilinear to the image's size. Shape: [N, classes, H, W] logits.
/// Source: Chen et al. 2017 (arXiv:1706.05587); names and constants as in torchvision, without the
/// auxiliary head.
std::unique_ptr<Network> build_deeplabv3(const std::string& encoder,
                                         std::int64_t channels,
                                         std::int64_t classes);

/// DeepLabV3+: output stride 16, separable convolutions, the encoder's quarter-resolution map
/// joined before the last convolution.
/// Source: Chen et al. 2018 (arXiv:1802.02611); names and constants as in
/// segmentation_models_pytorch.
std::unique_ptr<Network> build_deeplabv3plus(const std::string& encoder,
                                             std::int64_t channels,
                                             std::int64_t classes);

}  // namespace lorae::models
