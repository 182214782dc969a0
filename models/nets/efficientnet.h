#pragma once

#include "models/layers/network.h"

namespace lorae::models {

/// "efficientnet_b0" and "efficientnet_b1": mobile inverted bottlenecks with squeeze and
/// excitation; in training also dropout (0.2) and stochastic depth, by row (up to 0.2). Errors:
/// kInvalidConfig for another name. Source: Tan & Le 2019 (arXiv:1905.11946); names, init and
/// BatchNorm constants as in torchvision.
std::unique_ptr<Network> build_efficientnet(const std::string& name,
                                            std::int64_t channels,
                                            std::int64_t classes);

}  // namespace lorae::models
