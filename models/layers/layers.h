#pragma once

#include "adapters/conv2d.h"
#include "models/layers/layer.h"

namespace lorae::models {

using ops::Conv2dOptions;
using ops::ConvInit;

/// A layer whose weight can carry an adapter.
class AdaptableBlock : public Block {
 public:
  virtual adapters::AdaptedWeight& adapted() = 0;
  /// What adapter rules see; `name`: the full one.
  virtual adapters::LayerShape shape(const std::string& name) const = 0;
};

/// A convolution. Tensors: weight, and bias if it has one.
class Conv final : public AdaptableBlock {
 public:
  explicit Conv(const Conv2dOptions& options) : conv(options) {}

  adapters::AdaptedWeight& adapted() override { return conv; }
  adapters::LayerShape shape(const std::string& name) const override;

  at::Tensor forward(const at::Tensor& x) override { return conv.forward(x, {}, {}); }
  std::vector<OwnTensor> tensors() override;
  void initialise(const std::string& name, Seed seed) override;

  adapters::Conv2d conv;
};

/// Which normalisation, and where BatchNorm's constants differ between families.
struct NormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;
  bool frozen = false;      ///< never trained, weight and bias included, and without a counter
  std::int64_t groups = 0;  ///< GroupNorm of so many; 0: BatchNorm
};

/// BatchNorm: unless it learns it is an affine map with the running statistics, in training, too.
/// Tensors: weight (gamma), bias (beta), running_mean, running_var: [C]; num_batches_tracked
/// unless frozen.
/// GroupNorm: y = (x - m) / sqrt(v + epsilon) * weight + bias, with the mean m and variance v of a
/// sample's group of channels. It has no statistics, so it is the same for every batch and device.
/// Tensors: weight, bias. Source: Wu and He 2018 (arXiv:1803.08494).
class NormLayer final : public Block {
 public:
  /// Errors: kInvalidConfig for groups that do not divide the channels.
  explicit NormLayer(std::int64_t channels, NormOptions options = {});

  at::Tensor forward(const at::Tensor& x) override;
  std::vector<OwnTensor> tensors() override;

  struct Affine {
    at::Tensor scale, shift;  ///< [C]
  };
  /// Formula: frozen, y = x * scale + shift. Precondition: is_affine().
  Affine affine() const;

  /// Whether it is one at all: BatchNorm is, unless it uses the batch.
  bool is_affine() const { return options.groups == 0 && !uses_batch(); }
  bool uses_batch() const { return learns && training; }

  at::Tensor weight, bias, running_mean, running_var, num_batches_tracked;
  NormOptions options;
  bool learns = false;  ///< in training it uses and updates batch statistics
  bool folded = false;  ///< into the convolution before it: does nothing, has no tensors
};

/// In training, puts zeros in place of values, or of whole samples, and scales the others so that
/// the mean stays; in inference it does nothing. It has no tensors.
/// Formula: y = x m / (1 - p), m = 0 with probability p, else 1; of samples: one m for each.
/// Source: Srivastava et al. 2014; of samples: Huang et al. 2016 (arXiv:1603.09382). m is drawn
/// from `noise` alone, the same on every device.
class Dropout final : public Block {
 public:
  enum class Of { kValues, kSamples };

  /// Precondition: 0 <= probability < 1.
  explicit Dropout(double probability, Of of = Of::kValues) : probability_(probability), of_(of) {}

  at::Tensor forward(const at::Tensor& x) override;

 private:
  double probability_;
  Of of_;
};

/// Shape: [..., in] in, [..., out] out. Tensors: weight [out, in], bias [out].
class Linear final : public AdaptableBlock {
 public:
  /// `bound` of the uniform start; 0: 1/sqrt(in).
  Linear(std::int64_t in, std::int64_t out, double bound = 0);

  adapters::AdaptedWeight& adapted() override { return linear; }
  adapters::LayerShape shape(const std::string& name) const override;

  at::Tensor forward(const at::Tensor& x) override;
  std::vector<OwnTensor> tensors() override;
  void initialise(const std::string& name, Seed seed) override;

  adapters::AdaptedWeight linear;
  at::Tensor bias;

 private:
  at::Tensor compute(const at::Tensor& x);

  double bound_;
};

/// A 2x2 transposed convolution with stride 2: doubles the resolution.
/// Tensors: weight [C, C, 2, 2], bias [C].
class ConvTranspose final : public Block {
 public:
  explicit ConvTranspose(std::int64_t channels);

  at::Tensor forward(const at::Tensor& x) override;
  std::vector<OwnTensor> tensors() override;
  void initialise(const std::string& name, Seed seed) override;

  at::Tensor weight, bias;
};

enum class Activation { kNone, kRelu, kSilu };

at::Tensor activate(Activation activation, at::Tensor x);

/// conv, then norm: one convolution with the norm folded in when BatchNorm is frozen.
at::Tensor conv_norm(const at::Tensor& x, Conv& conv, NormLayer& norm);

/// Convolution without bias, BatchNorm, activation.
class ConvNorm final : public Block {
 public:
  struct Names {
    const char* conv = "conv";
    const char* norm = "bn";
  };
  static constexpr Names kNumbered{"0", "1"};

  ConvNorm(const Conv2dOptions& options,
           Activation activation,
           NormOptions norm = {},
           Names names = kNumbered);

  at::Tensor forward(const at::Tensor& x) override;

 private:
  Conv& conv_;
  NormLayer& norm_;
  Activation activation_;
};

/// A square convolution whose padding keeps the resolution at stride 1.
/// Formula: padding = (dilation * (kernel - 1) + 1) / 2.
Conv2dOptions same_conv(std::int64_t in,
                        std::int64_t out,
                        std::int64_t kernel,
                        std::int64_t stride = 1,
                        std::int64_t dilation = 1);

/// Nearest-neighbour resize. Shape: [N, C, height, width] out.
at::Tensor resize_nearest(const at::Tensor& x, std::int64_t height, std::int64_t width);
at::Tensor resize_bilinear(const at::Tensor& x,
                           std::int64_t height,
                           std::int64_t width,
                           bool align_corners);

}  // namespace lorae::models
