#pragma once

#include <cstdint>

namespace lorae::ops {

/// How the weights of a new convolution are drawn.
enum class ConvInit {
  kKaimingNormal,   ///< N(0, 2 / fan_out): for ReLU, as torchvision's classifiers
  kKaimingUniform,  ///< U(+-1/sqrt(fan_in)), bias too: PyTorch's default
  kReluUniform,     ///< U(+-sqrt(6 / fan_in)), bias 0
  kXavierUniform,   ///< U(+-sqrt(6 / (fan_in + fan_out))), bias 0
  kLinearUniform,   ///< U(+-sqrt(3 / fan_in)), bias 0: feature pyramids
  kSmallNormal,     ///< N(0, 0.01^2), bias 0: region proposals
};

struct Conv2dOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool bias = false;
  ConvInit init = ConvInit::kKaimingNormal;
};

}  // namespace lorae::ops
