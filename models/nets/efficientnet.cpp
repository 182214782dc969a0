#include "models/nets/efficientnet.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "ops/maps/remake.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

struct Stage {
  std::int64_t expand, kernel, stride, out, repeats;  ///< repeats: of b0
};

constexpr std::array kStages = {
    Stage{1, 3, 1, 16, 1},  Stage{6, 3, 2, 24, 2},  Stage{6, 5, 2, 40, 2}, Stage{6, 3, 2, 80, 3},
    Stage{6, 5, 1, 112, 3}, Stage{6, 5, 2, 192, 4}, Stage{6, 3, 1, 320, 1}};
constexpr std::int64_t kStemChannels = 32;
constexpr std::int64_t kHeadChannels = 1280;
constexpr double kDropout = 0.2;  // before the classifier
constexpr double kDepth = 0.2;    // of the last block, rising from 0 with the blocks' number

Conv2dOptions with_bias(Conv2dOptions options) {
  options.bias = true;
  return options;
}

Conv2dOptions depthwise(std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
  Conv2dOptions options = same_conv(channels, channels, kernel, stride);
  options.groups = channels;
  return options;
}

/// Scales each channel by a gate in (0, 1) computed from all channels' averages.
class SqueezeExcitation final : public Block {
 public:
  SqueezeExcitation(std::int64_t channels, std::int64_t squeezed)
      : fc1_(add<Conv>("fc1", with_bias(same_conv(channels, squeezed, 1)))),
        fc2_(add<Conv>("fc2", with_bias(same_conv(squeezed, channels, 1)))) {}

  at::Tensor forward(const at::Tensor& x) override {
    const at::Tensor hidden = ops::silu(fc1_.forward(x.mean({2, 3}, /*keepdim=*/true)));
    return x * fc2_.forward(hidden).sigmoid();
  }

 private:
  Conv& fc1_;
  Conv& fc2_;
};

/// 1x1 to a wider map (unless expand is 1), depthwise, squeeze and excitation, 1x1 back; a sum with
/// the input where the shapes allow it. In training the sum lacks the rest for some samples, with
/// probability `dropped`.
class InvertedBottleneck final : public Block {
 public:
  InvertedBottleneck(std::int64_t in, std::int64_t stride, const Stage& stage, double dropped)
      : residual_(stride == 1 && in == stage.out),
        depth_(add<Dropout>("stochastic_depth", dropped, Dropout::Of::kSamples)) {
    const std::int64_t wide = in * stage.expand;
    if (stage.expand != 1) {
      add_step<ConvNorm>(same_conv(in, wide, 1), Activation::kSilu);
    }
    add_step<ConvNorm>(depthwise(wide, stage.kernel, stride), Activation::kSilu);
    add_step<SqueezeExcitation>(wide, std::max<std::int64_t>(1, in / 4));
    add_step<ConvNorm>(same_conv(wide, stage.out, 1), Activation::kNone);
  }

  at::Tensor forward(const at::Tensor& x) override {
    at::Tensor y = x;
    for (Block* step : steps_) {
      y = step->forward(y);
    }
    return residual_ ? depth_.forward(y) + x : y;
  }

 private:
  template <typename Step, typename... Arguments>
  void add_step(Arguments&&... arguments) {
    steps_.push_back(
        &add<Step>(str("block.", steps_.size()), std::forward<Arguments>(arguments)...));
  }

  std::vector<Block*> steps_;
  bool residual_;
  Dropout& depth_;
};

class EfficientNet final : public Network {
 public:
  EfficientNet(double depth, std::int64_t channels, std::int64_t classes) {
    begin_feature();
    add_block<ConvNorm>("", same_conv(channels, kStemChannels, 3, 2), Activation::kSilu);
    const auto repeats = [depth](const Stage& stage) {
      return static_cast<std::int64_t>(std::ceil(static_cast<double>(stage.repeats) * depth));
    };
    double blocks = 0;
    for (const Stage& stage : kStages) {
      blocks += static_cast<double>(repeats(stage));
    }
    std::int64_t in = kStemChannels;
    double block = 0;
    for (const Stage& stage : kStages) {
      begin_feature();
      for (std::int64_t i = 0; i < repeats(stage); ++i, ++block) {
        add_block<InvertedBottleneck>(str('.', i), in, i == 0 ? stage.stride : 1, stage,
                                      kDepth * block / blocks);
        in = stage.out;
      }
    }
    begin_feature();
    add_block<ConvNorm>("", same_conv(in, kHeadChannels, 1), Activation::kSilu);
    dropout_ = &add<Dropout>("classifier.0", kDropout);
    classifier_ = &add<Linear>("classifier.1", kHeadChannels, classes,
                               1.0 / std::sqrt(static_cast<double>(classes)));
  }

  at::Tensor forward(const at::Tensor& images) override {
    at::Tensor x = images;
    for (std::size_t i = 0; i < features_.size(); ++i) {
      for (Block* block : features_[i]) {
        x = block->forward(x);
      }
      seen(str("features.", i), x);
    }
    return classifier_->forward(dropout_->forward(x.mean({2, 3})));
  }

  std::vector<std::string> head() const override { return {"classifier.1"}; }

 private:
  void begin_feature() { features_.emplace_back(); }

  template <typename Part, typename... Arguments>
  void add_block(const std::string& suffix, Arguments&&... arguments) {
    features_.back().push_back(&add<Part>(str("features.", features_.size() - 1, suffix),
                                          std::forward<Arguments>(arguments)...));
  }

  std::vector<std::vector<Block*>> features_;
  Dropout* dropout_ = nullptr;
  Linear* classifier_ = nullptr;
};

}  // namespace

std::unique_ptr<Network> build_efficientnet(const std::string& name,
                                            std::int64_t channels,
                                            std::int64_t classes) {
  check(name == "efficientnet_b0" || name == "efficientnet_b1", ErrorCode::kInvalidConfig,
        "[models] unknown EfficientNet '", name, "'");
  return std::make_unique<EfficientNet>(name == "efficientnet_b1" ? 1.1 : 1.0, channels, classes);
}

}  // namespace lorae::models
