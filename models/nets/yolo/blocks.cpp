#include "models/nets/yolo/blocks.h"

#include <cmath>
#include <numeric>

#include "base/str.h"
#include "ops/maps/max_pool.h"
#include "ops/maps/remake.h"
#include "tensors/torch.h"

namespace lorae::models::yolo {
namespace {

constexpr std::int64_t kHeadChannels = 64;  // channels per attention head

std::int64_t scaled(std::int64_t channels, double expansion) {
  return static_cast<std::int64_t>(static_cast<double>(channels) * expansion);
}

/// x + attention(x), then x + ffn(x).
class PsaBlock final : public Block {
 public:
  PsaBlock(std::int64_t channels, NormOptions norm)
      : attention_(add<Attention>("attn", channels, channels / kHeadChannels, norm)),
        widen_(add<ConvBlock>("ffn.0", conv_options(channels, 2 * channels), norm)),
        narrow_(add<ConvBlock>(
            "ffn.1", conv_options(2 * channels, channels), norm, Activation::kNone)) {}

  at::Tensor forward(const at::Tensor& x) override {
    const at::Tensor y = x + attention_.forward(x);
    return y + narrow_.forward(widen_.forward(y));
  }

 private:
  Attention& attention_;
  ConvBlock& widen_;
  ConvBlock& narrow_;
};

}  // namespace

Conv2dOptions conv_options(std::int64_t in,
                           std::int64_t out,
                           std::int64_t kernel,
                           std::int64_t stride) {
  Conv2dOptions options = same_conv(in, out, kernel, stride);
  options.init = ConvInit::kKaimingUniform;
  return options;
}

Conv2dOptions depthwise_options(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  Conv2dOptions options = conv_options(in, out, kernel);
  options.groups = std::gcd(in, out);
  return options;
}

ConvBlock::ConvBlock(const Conv2dOptions& options, NormOptions norm, Activation activation)
    : unit_(add<ConvNorm>("", options, activation, norm, ConvNorm::Names{})) {}

Bottleneck::Bottleneck(std::int64_t in, std::int64_t out, const Options& options, NormOptions norm)
    : cv1_(add<ConvBlock>(
          "cv1", conv_options(in, scaled(out, options.expansion), options.first_kernel), norm)),
      cv2_(add<ConvBlock>(
          "cv2", conv_options(scaled(out, options.expansion), out, options.second_kernel), norm)),
      shortcut_(options.shortcut && in == out) {}

at::Tensor Bottleneck::forward(const at::Tensor& x) {
  const at::Tensor y = cv2_.forward(cv1_.forward(x));
  return shortcut_ ? x + y : y;
}

C2f::C2f(std::int64_t in, std::int64_t out, const Options& options, NormOptions norm)
    : cv1_(add<ConvBlock>("cv1", conv_options(in, 2 * scaled(out, options.expansion)), norm)),
      cv2_(add<ConvBlock>(
          "cv2", conv_options((2 + options.repeats) * scaled(out, options.expansion), out), norm)) {
  const std::int64_t width = scaled(out, options.expansion);
  for (std::int64_t i = 0; i < options.repeats; ++i) {
    const std::string name = str("m.", i);
    if (options.inner == Inner::kC3k) {
      inner_.push_back(&add<C3>(
          name, width, width,
          C3::Options{.repeats = 2, .shortcut = options.shortcut, .first_kernel = 3}, norm));
    } else {
      const double expansion = options.inner == Inner::kHalfBottleneck ? 0.5 : 1.0;
      inner_.push_back(&add<Bottleneck>(
          name, width, width,
          Bottleneck::Options{.shortcut = options.shortcut, .expansion = expansion}, norm));
    }
  }
}

at::Tensor C2f::forward(const at::Tensor& x) {
  std::vector<at::Tensor> parts = ops::halves(cv1_.forward(x));
  for (Block* block : inner_) {
    parts.push_back(block->forward(parts.back()));
  }
  return cv2_.forward(ops::cat(parts));
}

C3::C3(std::int64_t in, std::int64_t out, const Options& options, NormOptions norm)
    : cv1_(add<ConvBlock>("cv1", conv_options(in, out / 2), norm)),
      cv2_(add<ConvBlock>("cv2", conv_options(in, out / 2), norm)),
      cv3_(add<ConvBlock>("cv3", conv_options(2 * (out / 2), out), norm)) {
  for (std::int64_t i = 0; i < options.repeats; ++i) {
    inner_.push_back(&add<Bottleneck>(
        str("m.", i), out / 2, out / 2,
        Bottleneck::Options{.shortcut = options.shortcut, .first_kernel = options.first_kernel},
        norm));
  }
}

at::Tensor C3::forward(const at::Tensor& x) {
  at::Tensor y = cv1_.forward(x);
  for (Block* block : inner_) {
    y = block->forward(y);
  }
  return cv3_.forward(ops::cat({y, cv2_.forward(x)}));
}

Sppf::Sppf(std::int64_t in, std::int64_t out, NormOptions norm)
    : cv1_(add<ConvBlock>("cv1", conv_options(in, in / 2), norm)),
      cv2_(add<ConvBlock>("cv2", conv_options(in / 2 * 4, out), norm)) {}

at::Tensor Sppf::forward(const at::Tensor& x) {
  std::vector<at::Tensor> parts{cv1_.forward(x)};
  for (int i = 0; i < 3; ++i) {
    parts.push_back(ops::max_pool(parts.back(), 5, 1, 2));
  }
  return cv2_.forward(ops::cat(parts));
}

Attention::Attention(std::int64_t channels, std::int64_t heads, NormOptions norm)
    : heads_(heads),
      head_dim_(channels / heads),
      key_dim_(head_dim_ / 2),
      qkv_(add<ConvBlock>(
          "qkv", conv_options(channels, channels + 2 * key_dim_ * heads), norm, Activation::kNone)),
      proj_(add<ConvBlock>("proj", conv_options(channels, channels), norm, Activation::kNone)),
      pe_(add<ConvBlock>("pe", depthwise_options(channels, channels, 3), norm, Activation::kNone)) {
}

at::Tensor Attention::forward(const at::Tensor& x) {
  const std::int64_t batch = x.size(0);
  const at::Tensor all =
      qkv_.forward(x).view({batch, heads_, 2 * key_dim_ + head_dim_, x.size(2) * x.size(3)});
  const auto parts = all.split_with_sizes({key_dim_, key_dim_, head_dim_}, 2);
  const at::Tensor& value = parts[2];
  const double scale = 1.0 / std::sqrt(static_cast<double>(key_dim_));
  const at::Tensor weights = at::softmax(parts[0].transpose(2, 3).matmul(parts[1]) * scale, -1);
  const at::Tensor mixed = value.matmul(weights.transpose(2, 3)).reshape(x.sizes());
  return proj_.forward(mixed + pe_.forward(value.reshape(x.sizes())));
}

C2psa::C2psa(std::int64_t channels, std::int64_t repeats, NormOptions norm)
    : cv1_(add<ConvBlock>("cv1", conv_options(channels, channels / 2 * 2), norm)),
      cv2_(add<ConvBlock>("cv2", conv_options(channels / 2 * 2, channels), norm)) {
  for (std::int64_t i = 0; i < repeats; ++i) {
    inner_.push_back(&add<PsaBlock>(str("m.", i), channels / 2, norm));
  }
}

at::Tensor C2psa::forward(const at::Tensor& x) {
  const std::vector<at::Tensor> halves = ops::halves(cv1_.forward(x));
  at::Tensor y = halves[1];
  for (Block* block : inner_) {
    y = block->forward(y);
  }
  return cv2_.forward(ops::cat({halves[0], y}));
}

}  // namespace lorae::models::yolo
