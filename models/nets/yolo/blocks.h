#pragma once

#include "models/layers/layers.h"

// The blocks of which YOLO networks are made. Source: Ultralytics' public model descriptions (names
// and shapes); hidden widths are int(out * expansion).
namespace lorae::models::yolo {

/// Convolution, BatchNorm, SiLU under the names "conv" and "bn".
class ConvBlock final : public Block {
 public:
  ConvBlock(const Conv2dOptions& options,
            NormOptions norm,
            Activation activation = Activation::kSilu);
  at::Tensor forward(const at::Tensor& x) override { return unit_.forward(x); }

 private:
  ConvNorm& unit_;
};

/// Options with PyTorch's default start, which YOLO keeps.
Conv2dOptions conv_options(std::int64_t in,
                           std::int64_t out,
                           std::int64_t kernel = 1,
                           std::int64_t stride = 1);
/// One filter per channel and output multiple: groups = gcd(in, out).
Conv2dOptions depthwise_options(std::int64_t in, std::int64_t out, std::int64_t kernel);

/// y = x + cv2(cv1(x)); without the sum if `shortcut` is false or the widths differ.
class Bottleneck final : public Block {
 public:
  struct Options {
    bool shortcut = true;
    std::int64_t first_kernel = 3;
    std::int64_t second_kernel = 3;
    double expansion = 1.0;
  };
  Bottleneck(std::int64_t in, std::int64_t out, const Options& options, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  ConvBlock& cv1_;
  ConvBlock& cv2_;
  bool shortcut_;
};

/// Two halves of cv1, then each of `repeats` inner blocks on the last part; cv2 over all parts.
class C2f final : public Block {
 public:
  enum class Inner { kBottleneck, kHalfBottleneck, kC3k };
  struct Options {
    std::int64_t repeats = 1;
    bool shortcut = false;
    double expansion = 0.5;
    Inner inner = Inner::kBottleneck;  ///< the others make it a C3k2
  };
  C2f(std::int64_t in, std::int64_t out, const Options& options, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  ConvBlock& cv1_;
  ConvBlock& cv2_;
  std::vector<Block*> inner_;
};

/// cv3 over [bottlenecks(cv1(x)), cv2(x)]. With first_kernel 3 instead of 1 it is a C3k.
class C3 final : public Block {
 public:
  struct Options {
    std::int64_t repeats = 1;
    bool shortcut = true;
    std::int64_t first_kernel = 1;
  };
  C3(std::int64_t in, std::int64_t out, const Options& options, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  ConvBlock& cv1_;
  ConvBlock& cv2_;
  ConvBlock& cv3_;
  std::vector<Block*> inner_;
};

/// Three 5x5 max-pools one after the other; cv2 over the input of the first and all results.
class Sppf final : public Block {
 public:
  Sppf(std::int64_t in, std::int64_t out, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  ConvBlock& cv1_;
  ConvBlock& cv2_;
};

/// Self-attention over the positions of a map, with a depthwise convolution as position encoding.
class Attention final : public Block {
 public:
  Attention(std::int64_t channels, std::int64_t heads, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  std::int64_t heads_, head_dim_, key_dim_;
  ConvBlock& qkv_;
  ConvBlock& proj_;
  ConvBlock& pe_;
};

/// cv1 in two halves; the second through `repeats` blocks of attention and feed-forward; cv2.
class C2psa final : public Block {
 public:
  C2psa(std::int64_t channels, std::int64_t repeats, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  ConvBlock& cv1_;
  ConvBlock& cv2_;
  std::vector<Block*> inner_;
};

}  // namespace lorae::models::yolo
