#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/seed.h"

namespace lorae::adapters {

inline constexpr std::string_view kExtractorSuffix = ".extractor";
inline constexpr std::string_view kMapperSuffix = ".mapper";

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

/// How a LoRAE branch is computed. Both give the same numbers up to rounding.
enum class Form {
  kBranch,  ///< y = conv(x, W) + scaling * mapper(extractor(x)): no gradient of W is ever formed
  kMerged,  ///< y = conv(x, W + scaling * B A): one convolution, one gradient, then two small GEMMs
};

/// The faster form for training a conv of this width on a CPU.
/// Source: measured by bench/lorae_forms: thin convolutions use vector units badly, so below about
/// 200 channels one full convolution beats a full and two thin ones.
Form preferred_form(const Conv2dOptions& options);

/// A convolution that can carry one LoRAE adapter.
///
/// Tensors: `weight` [Cout, Cin / groups, k, k], maybe `bias` [Cout]; with an adapter `extractor`
/// [r, Cin, k, k] (A, the host's stride, padding and dilation) and `mapper` [Cout, r, 1, 1] (B).
/// Formula: W_eff = weight + scaling * B A, with A and B as matrices and scaling = alpha / r.
/// Threads: none; one model instance per thread.
/// Source: LoRAE (the paper, section 3): extractor and mapper beside a frozen convolution.
struct Conv2d {
  Conv2dOptions options;
  at::Tensor weight;
  at::Tensor bias;          ///< undefined without
  at::Tensor extractor;     ///< undefined without an adapter
  at::Tensor mapper;        ///< undefined without an adapter
  at::Tensor plain_weight;  ///< the backbone's, while `weight` holds the fused one
  double scaling = 1.0;
  Form form = Form::kMerged;

  /// Allocates; the values may be anything.
  explicit Conv2d(const Conv2dOptions& conv_options);
  /// With values as options.init says; a bias of zero.
  Conv2d(const Conv2dOptions& conv_options, Seed seed);

  void initialise(Seed weight_seed, Seed bias_seed);

  bool has_adapter() const { return extractor.defined(); }

  /// Adds an adapter that changes nothing yet: the mapper is zero; the extractor is uniform in
  /// +-1/sqrt(Cin k^2), drawn from `seed` by counter, the same on every machine.
  /// Errors: kInvalidArgument if rank is not positive or the convolution is grouped.
  void attach(std::int64_t rank, double alpha, Seed seed);

  /// True if `attach` can: grouped convolutions have no dense extractor.
  bool is_adaptable() const { return options.groups == 1; }

  /// conv(x) * scale + shift with the adapter in it; `scale` and `shift` are per output channel
  /// and may be undefined. This is how a frozen BatchNorm is folded in at no cost.
  /// Shape: [N, Cin, H, W] in, [N, Cout, H', W'] out.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) const;

  /// W_eff: what a plain convolution needs to give the same output. Shape: as `weight`.
  at::Tensor fused_weight() const;

  /// Merges the adapter into `weight`: from now on a plain convolution, whatever the adapter's
  /// tensors become. Does nothing without an adapter or if fused already.
  void fuse();
  /// Gives `weight` back as it was, bit for bit.
  void unfuse();
  bool is_fused() const { return plain_weight.defined(); }
};

/// Fills `values` uniformly in [-bound, bound) from `seed`, one Philox draw per element in
/// row-major order.
at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, Seed seed);

}  // namespace lorae::adapters
