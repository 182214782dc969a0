#pragma once

#include "models/layers/network.h"

namespace lorae::models {

/// A residual network: a stem, then stages of blocks, each stage after the first halving the
/// resolution.
struct ResNetTable {
  std::vector<std::int64_t> widths = {64, 128, 256, 512};  ///< planes per stage
  std::vector<std::int64_t> blocks = {2, 2, 2, 2};         ///< blocks per stage
  bool bottleneck = false;  ///< 1x1, 3x3, 1x1 with four times the planes out; else 3x3, 3x3
};

/// What a stage does to the resolution.
/// kDilated: torchvision's dense prediction: the first block keeps the dilation that was before.
/// kDilatedThroughout: segmentation_models_pytorch's: every convolution has the new dilation.
enum class Stride { kHalves, kDilated, kDilatedThroughout };

struct ResNetOptions {
  ResNetTable table;
  NormOptions norm = {};
  bool small_stem = false;    ///< 3x3 at full resolution, no max-pool
  std::int64_t channels = 3;  ///< of the input
  /// Of the third and the fourth stage.
  Stride third = Stride::kHalves;
  Stride fourth = Stride::kHalves;
};

/// Stem and stages, for classifiers and as the encoder of others. Parts: conv1, bn1, layer1 ...
class ResNetBody final : public Block {
 public:
  explicit ResNetBody(const ResNetOptions& options);

  /// Shape: the last stage's map.
  at::Tensor forward(const at::Tensor& x) override;

  /// The stem's map before max-pooling, then each stage's.
  std::vector<at::Tensor> features(const at::Tensor& x);

  /// Of features()[i].
  const std::vector<std::int64_t>& channels() const { return channels_; }

  std::function<void(const std::string& layer, const at::Tensor& value)> observer;

 private:
  /// Calls `visit`, if set, with what features() gives.
  at::Tensor run(const at::Tensor& x, const std::function<void(const at::Tensor&)>& visit);

  Conv& conv1_;
  NormLayer& bn1_;
  bool max_pool_;
  std::vector<std::vector<Block*>> stages_;
  std::vector<std::int64_t> channels_;
};

/// Tables of the sizes: "resnet8", "resnet18", ... Errors: kInvalidConfig for another name.
ResNetTable resnet_table(const std::string& name);

/// Source: He et al. 2015, "Deep Residual Learning" (arXiv:1512.03385); the stride of a bottleneck
/// sits on its 3x3 convolution; names, init and BatchNorm constants as in torchvision.
std::unique_ptr<Network> build_resnet(const ResNetOptions& options, std::int64_t classes);

}  // namespace lorae::models
