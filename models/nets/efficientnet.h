#pragma once

#include "models/layers/network.h"

namespace lorae::models {

/// "efficientnet_b0" and "efficientnet_b1": mobile inverted bottlenecks with squeeze and
/// excitation. Dropout and stochastic depth, which only regularise training from scratch, are left
/// out. Errors: kInvalidConfig for another name. Source: Tan & Le 2019 (arXiv:1905.11946); names,
/// init and BatchNorm constants as in torchvision.
std::unique_ptr<Network> build_efficientnet(const std::string& name,
                                            std::int64_t channels,
                                            std::int64_t classes);

}  // namespace lorae::models
