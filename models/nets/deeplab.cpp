#include "models/nets/deeplab.h"

#include <array>

#include "base/str.h"
#include "models/nets/resnet.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

constexpr std::int64_t kWidth = 256;
constexpr std::int64_t kLowLevelWidth = 48;
constexpr double kDropout = 0.5;
constexpr std::array<std::int64_t, 3> kRates = {12, 24, 36};  // dilations of the pyramid

/// PyTorch's default start.
Conv2dOptions plain(std::int64_t in,
                    std::int64_t out,
                    std::int64_t kernel,
                    std::int64_t dilation = 1) {
  Conv2dOptions options = same_conv(in, out, kernel, 1, dilation);
  options.init = ConvInit::kKaimingUniform;
  return options;
}

Conv2dOptions with_bias(Conv2dOptions options) {
  options.bias = true;
  return options;
}

/// A depthwise 3x3 and a 1x1 convolution, BatchNorm, ReLU.
class SeparableNorm final : public Block {
 public:
  struct Names {
    const char* depthwise = "0.0";
    const char* pointwise = "0.1";
    const char* norm = "1";
  };

  SeparableNorm(std::int64_t in, std::int64_t out, std::int64_t dilation, Names names)
      : depthwise_(add<Conv>(names.depthwise, depthwise_options(in, dilation))),
        pointwise_(add<Conv>(names.pointwise, plain(in, out, 1))),
        norm_(add<NormLayer>(names.norm, out)) {}

  at::Tensor forward(const at::Tensor& x) override {
    return conv_norm(depthwise_.forward(x), pointwise_, norm_).relu_();
  }

 private:
  static Conv2dOptions depthwise_options(std::int64_t channels, std::int64_t dilation) {
    Conv2dOptions options = plain(channels, channels, 3, dilation);
    options.groups = channels;
    return options;
  }

  Conv& depthwise_;
  Conv& pointwise_;
  NormLayer& norm_;
};

/// Atrous spatial pyramid pooling: a 1x1 convolution, three dilated ones and the global average,
/// side by side; then 1x1 over all, and in training dropout.
class Aspp final : public Block {
 public:
  Aspp(std::int64_t in, bool separable) {
    branches_.push_back(&add<ConvNorm>("convs.0", plain(in, kWidth, 1), Activation::kRelu));
    for (const std::int64_t rate : kRates) {
      const std::string name = str("convs.", branches_.size());
      if (separable) {
        branches_.push_back(&add<SeparableNorm>(name, in, kWidth, rate, SeparableNorm::Names{}));
      } else {
        branches_.push_back(&add<ConvNorm>(name, plain(in, kWidth, 3, rate), Activation::kRelu));
      }
    }
    pooled_ = &add<ConvNorm>("convs.4", plain(in, kWidth, 1), Activation::kRelu, NormOptions{},
                             ConvNorm::Names{"1", "2"});
    project_ = &add<ConvNorm>("project", plain(5 * kWidth, kWidth, 1), Activation::kRelu);
    dropout_ = &add<Dropout>("project.3", kDropout);
  }

  at::Tensor forward(const at::Tensor& x) override {
    std::vector<at::Tensor> maps;
    for (Block* branch : branches_) {
      maps.push_back(branch->forward(x));
    }
    const at::Tensor average = pooled_->forward(x.mean({2, 3}, /*keepdim=*/true));
    maps.push_back(average.expand_as(maps.front()));
    return dropout_->forward(project_->forward(at::cat(maps, 1)));
  }

 private:
  std::vector<Block*> branches_;
  ConvNorm* pooled_ = nullptr;
  ConvNorm* project_ = nullptr;
  Dropout* dropout_ = nullptr;
};

class DeepLabV3 final : public Network {
 public:
  DeepLabV3(const std::string& encoder, std::int64_t channels, std::int64_t classes)
      : backbone_(add<ResNetBody>("backbone",
                                  ResNetOptions{.table = resnet_table(encoder),
                                                .channels = channels,
                                                .third = Stride::kDilated,
                                                .fourth = Stride::kDilated})),
        aspp_(add<Aspp>("classifier.0", backbone_.channels().back(), false)),
        conv_(add<ConvNorm>("classifier",
                            plain(kWidth, kWidth, 3),
                            Activation::kRelu,
                            NormOptions{},
                            ConvNorm::Names{"1", "2"})),
        last_(add<Conv>("classifier.4", with_bias(plain(kWidth, classes, 1)))) {}

  at::Tensor forward(const at::Tensor& images) override {
    const at::Tensor features = seen("backbone.layer4", backbone_.forward(images));
    const at::Tensor context = seen("classifier.0", aspp_.forward(features));
    return resize_bilinear(last_.forward(conv_.forward(context)), images.size(2), images.size(3),
                           /*align_corners=*/false);
  }

  std::vector<std::string> head() const override { return {"classifier.4"}; }

 private:
  ResNetBody& backbone_;
  Aspp& aspp_;
  ConvNorm& conv_;
  Conv& last_;
};

class DeepLabV3Plus final : public Network {
 public:
  DeepLabV3Plus(const std::string& encoder, std::int64_t channels, std::int64_t classes)
      : encoder_(add<ResNetBody>("encoder",
                                 ResNetOptions{.table = resnet_table(encoder),
                                               .channels = channels,
                                               .fourth = Stride::kDilatedThroughout})),
        aspp_(add<Aspp>("decoder.aspp.0", encoder_.channels().back(), true)),
        context_(add<SeparableNorm>(
            "decoder.aspp", kWidth, kWidth, 1, SeparableNorm::Names{"1.0", "1.1", "2"})),
        low_level_(add<ConvNorm>(
            "decoder.block1", plain(encoder_.channels()[1], kLowLevelWidth, 1), Activation::kRelu)),
        join_(add<SeparableNorm>(
            "decoder.block2", kWidth + kLowLevelWidth, kWidth, 1, SeparableNorm::Names{})),
        head_(add<Conv>("segmentation_head.0", head_options(classes))) {}

  at::Tensor forward(const at::Tensor& images) override {
    const std::vector<at::Tensor> maps = encoder_.features(images);
    const at::Tensor low = low_level_.forward(maps[1]);
    const at::Tensor context =
        resize_bilinear(context_.forward(aspp_.forward(maps.back())), low.size(2), low.size(3),
                        /*align_corners=*/true);
    const at::Tensor joined = seen("decoder", join_.forward(at::cat({context, low}, 1)));
    return resize_bilinear(head_.forward(joined), images.size(2), images.size(3),
                           /*align_corners=*/true);
  }

  std::vector<std::string> head() const override { return {"segmentation_head.0"}; }

 private:
  static Conv2dOptions head_options(std::int64_t classes) {
    Conv2dOptions options = with_bias(plain(kWidth, classes, 1));
    options.init = ConvInit::kXavierUniform;
    return options;
  }

  ResNetBody& encoder_;
  Aspp& aspp_;
  SeparableNorm& context_;
  ConvNorm& low_level_;
  SeparableNorm& join_;
  Conv& head_;
};

}  // namespace

std::unique_ptr<Network> build_deeplabv3(const std::string& encoder,
                                         std::int64_t channels,
                                         std::int64_t classes) {
  return std::make_unique<DeepLabV3>(encoder, channels, classes);
}

std::unique_ptr<Network> build_deeplabv3plus(const std::string& encoder,
                                             std::int64_t channels,
                                             std::int64_t classes) {
  return std::make_unique<DeepLabV3Plus>(encoder, channels, classes);
}

}  // namespace lorae::models
