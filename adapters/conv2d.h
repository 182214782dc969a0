#pragma once

#include <array>
#include <optional>

#include "adapters/adapted_weight.h"
#include "base/named.h"
#include "ops/conv/options.h"

namespace lorae::adapters {

using ops::Conv2dOptions;
using ops::ConvInit;

/// How an adapter that is not fused is computed. All give the same numbers up to rounding.
enum class Form {
  kBranch,  ///< y = conv(x, W) + scaling * mapper(extractor(x))
  kMerged,  ///< y = conv(x, W + scaling * B A): in training, autograd forms W's full gradient
  kThin,    ///< y as merged; in training, the gradients as of the branch: train_conv.h
};
inline constexpr std::array kForms = {Form::kBranch, Form::kMerged, Form::kThin};

/// The cost model: the faster form on a device. On a CPU: to merge costs rank * Cout Cin k^2
/// multiplications per call, the branch rank * (Cin k^2 + Cout) per position: small maps take the
/// branch. Else inference merges, and training is thin; grouped layers, for which there is no thin
/// form, merge. Elsewhere LibTorch's own operations do all the work, so that its autocast reaches
/// them: training takes the branch, which forms no gradient of the frozen weight, and inference
/// merges. `positions`: outputs per channel, N * H' * W'. Source: measured by bench/lorae_forms and
/// `lorae profile --forms`.
Form cheapest_form(const LayerShape& layer,
                   std::int64_t positions,
                   bool training,
                   c10::DeviceType device = at::kCPU);

/// A convolution that can carry one LoRAE adapter; its extractor has the host's stride, padding and
/// dilation.
/// Source: LoRAE (the paper, section 3): extractor and mapper beside a frozen convolution.
struct Conv2d : AdaptedWeight {
  Conv2dOptions options;
  at::Tensor bias;           ///< [Cout]; undefined without
  std::optional<Form> form;  ///< unset: the cost model's

  /// Allocates; the values may be anything.
  explicit Conv2d(const Conv2dOptions& conv_options);
  /// With values as options.init says; a bias of zero.
  Conv2d(const Conv2dOptions& conv_options, Seed seed);

  void initialise(Seed weight_seed, Seed bias_seed);

  /// conv(x) * scale + shift with the adapter in it; `scale` and `shift` are per output channel
  /// and may be undefined. This is how a frozen BatchNorm is folded in at no cost.
  /// Shape: [N, Cin, H, W] in, [N, Cout, H', W'] out.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) const;

  LayerShape shape(const std::string& name) const;

  /// conv(x) * scale + shift becomes conv(x): the norm is folded into weight and bias for good.
  void fold_norm(const at::Tensor& scale, const at::Tensor& shift);

 private:
  at::Tensor compute(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) const;
  std::int64_t positions_of(const at::Tensor& x) const;
};

}  // namespace lorae::adapters

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 3> kNames<adapters::Form> = {"branch", "merged",
                                                                           "thin"};
}  // namespace lorae
