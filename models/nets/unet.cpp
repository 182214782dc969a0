#include "models/nets/unet.h"

#include <array>

#include "base/error.h"
#include "models/nets/resnet.h"
#include "ops/maps/remake.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

constexpr std::array<std::int64_t, 5> kWidths = {256, 128, 64, 32, 16};
constexpr std::int64_t kReduction = 32;  // of the encoder's last map

Conv2dOptions decoder_conv(std::int64_t in, std::int64_t out) {
  Conv2dOptions options = same_conv(in, out, 3);
  options.init = ConvInit::kReluUniform;
  return options;
}

class UNet final : public Network {
 public:
  UNet(std::int64_t channels, std::int64_t classes)
      : encoder_(add<ResNetBody>(
            "encoder", ResNetOptions{.table = resnet_table("resnet34"), .channels = channels})) {
    std::int64_t in = encoder_.channels().back();
    for (std::size_t i = 0; i < kWidths.size(); ++i) {
      const std::string name = str("decoder.blocks.", i);
      const std::int64_t skip = i + 1 < kWidths.size() ? encoder_.channels()[3 - i] : 0;
      first_.push_back(
          &add<ConvNorm>(name + ".conv1", decoder_conv(in + skip, kWidths[i]), Activation::kRelu));
      second_.push_back(
          &add<ConvNorm>(name + ".conv2", decoder_conv(kWidths[i], kWidths[i]), Activation::kRelu));
      in = kWidths[i];
    }
    Conv2dOptions head = same_conv(in, classes, 3);
    head.bias = true;
    head.init = ConvInit::kXavierUniform;
    head_ = &add<Conv>("segmentation_head.0", head);
  }

  at::Tensor forward(const at::Tensor& images) override {
    check(images.size(2) % kReduction == 0 && images.size(3) % kReduction == 0,
          ErrorCode::kInvalidArgument, "[models] unet_resnet34: expected image sides in multiples ",
          "of 32, got ", images.size(2), " x ", images.size(3));
    const std::vector<at::Tensor> maps = encoder_.features(images);
    at::Tensor x = maps.back();
    for (std::size_t i = 0; i < first_.size(); ++i) {
      x = resize_nearest(x, 2 * x.size(2), 2 * x.size(3));
      if (i + 1 < first_.size()) {
        x = ops::cat({x, maps[maps.size() - 2 - i]});
      }
      x = seen(str("decoder.blocks.", i), second_[i]->forward(first_[i]->forward(x)));
    }
    return head_->forward(x);
  }

  std::vector<std::string> head() const override { return {"segmentation_head.0"}; }

 private:
  ResNetBody& encoder_;
  std::vector<Block*> first_, second_;
  Conv* head_ = nullptr;
};

}  // namespace

std::unique_ptr<Network> build_unet(std::int64_t channels, std::int64_t classes) {
  return std::make_unique<UNet>(channels, classes);
}

}  // namespace lorae::models
