#pragma once

#include <memory>

#include "models/model.h"

namespace lorae::models {

/// A CIFAR-style ResNet of basic blocks: a 3x3 stem at full resolution without max-pooling, then
/// `blocks_per_stage` blocks per stage, each stage after the first halving the resolution.
struct ResNetTable {
  std::vector<std::int64_t> widths;  ///< channels per stage; the stem has the first one's
  std::int64_t blocks_per_stage = 1;
};

/// Source: He et al. 2015, "Deep Residual Learning" (arXiv:1512.03385), section 4.2; names, init
/// and BatchNorm constants as in torchvision.
std::unique_ptr<Model> build_resnet(const ModelOptions& options,
                                    const ResNetTable& table,
                                    Seed seed);

}  // namespace lorae::models
