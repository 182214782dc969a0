#include "models/layers/layers.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

#include "adapters/starts.h"
#include "base/error.h"
#include "ops/maps/remake.h"
#include "tensors/device.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

double inverse_root(std::int64_t fan_in) {
  return 1.0 / std::sqrt(static_cast<double>(fan_in));
}

void fill_uniform_(const at::Tensor& tensor, double bound, Seed seed) {
  tensor.copy_(adapters::uniform_tensor(tensor.sizes().vec(), bound, seed));
}

}  // namespace

std::string joined_name(const std::string& whole, const std::string& part) {
  return whole.empty() || part.empty() ? whole + part : whole + '.' + part;
}

void initialise(Layer& layer, const std::string& name, Seed seed) {
  for (const auto& [part_name, part] : layer.parts()) {
    initialise(*part, joined_name(name, part_name), seed);
  }
  layer.initialise(name, seed);
}

std::vector<OwnTensor> Conv::tensors() {
  std::vector<OwnTensor> all{{"weight", &conv.weight}};
  if (conv.bias.defined()) {
    all.push_back({"bias", &conv.bias});
  }
  return all;
}

adapters::LayerShape Conv::shape(const std::string& name) const {
  return conv.shape(name);
}

void Conv::initialise(const std::string& name, Seed seed) {
  conv.initialise(seed.derive("weight", name), seed.derive("bias", name));
}

NormLayer::NormLayer(std::int64_t channels, NormOptions norm_options)
    : weight(torch::ones({channels})),
      bias(torch::zeros({channels})),
      running_mean(torch::zeros({channels})),
      running_var(torch::ones({channels})),
      num_batches_tracked(torch::zeros({}, c10::kLong)),
      options(norm_options) {
  check(options.groups == 0 || channels % options.groups == 0, ErrorCode::kInvalidConfig,
        "[models] norm_groups: ", options.groups, " groups do not divide ", channels, " channels");
}

std::vector<OwnTensor> NormLayer::tensors() {
  if (folded) {
    return {};
  }
  const TensorKind affine_kind = options.frozen ? TensorKind::kBuffer : TensorKind::kParameter;
  std::vector<OwnTensor> all{{"weight", &weight, affine_kind}, {"bias", &bias, affine_kind}};
  if (options.groups > 0) {
    return all;
  }
  all.push_back({"running_mean", &running_mean, TensorKind::kBuffer});
  all.push_back({"running_var", &running_var, TensorKind::kBuffer});
  if (!options.frozen) {
    all.push_back({"num_batches_tracked", &num_batches_tracked, TensorKind::kBuffer});
  }
  return all;
}

at::Tensor NormLayer::forward(const at::Tensor& x) {
  if (folded) {
    return x;
  }
  if (options.groups > 0) {
    return at::group_norm(x, options.groups, weight, bias, options.epsilon);
  }
  const bool has_variance = x.numel() > x.size(1);  // of one value there is none
  return at::batch_norm(x, weight, bias, running_mean, running_var, uses_batch() && has_variance,
                        options.momentum, options.epsilon, /*cudnn_enabled=*/true);
}

NormLayer::Affine NormLayer::affine() const {
  const at::Tensor scale = weight * at::rsqrt(running_var + options.epsilon);
  return {scale, bias - running_mean * scale};
}

at::Tensor Dropout::forward(const at::Tensor& x) {
  if (!training || probability_ == 0) {
    return x;
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  const at::Tensor kept = torch::empty(of_ == Of::kValues ? x.sizes().vec() : shape);
  const auto values = std::span(kept.data_ptr<float>(), static_cast<std::size_t>(kept.numel()));
  const auto dropped = static_cast<std::uint32_t>(std::ldexp(probability_, 32));
  const auto scale = static_cast<float>(1 / (1 - probability_));
  Random random = noise.random();
  std::ranges::generate(values, [&] { return random.next_u32() < dropped ? 0 : scale; });
  return x * kept.to(x.options());
}

Linear::Linear(std::int64_t in, std::int64_t out, double bound)
    : bias(torch::empty({out})), bound_(bound > 0 ? bound : inverse_root(in)) {
  linear.weight = torch::empty({out, in});
}

at::Tensor Linear::forward(const at::Tensor& x) {
  if (linear.trace != nullptr) {
    const auto start = std::chrono::steady_clock::now();
    at::Tensor y = compute(x);
    synchronise(y.device());
    linear.trace->add(
        x, y, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return y;
  }
  return compute(x);
}

at::Tensor Linear::compute(const at::Tensor& x) {
  if (!linear.has_adapter() || linear.is_fused() || !at::GradMode::is_enabled()) {
    return at::linear(x, linear.fused_weight(), bias);
  }
  return at::linear(x, linear.weight, bias) +
         at::linear(at::linear(x, linear.extractor), linear.mapper * linear.scaling);
}

adapters::LayerShape Linear::shape(const std::string& name) const {
  return {.name = name, .in = linear.weight.size(1), .out = linear.weight.size(0)};
}

std::vector<OwnTensor> Linear::tensors() {
  return {{"weight", &linear.weight}, {"bias", &bias}};
}

void Linear::initialise(const std::string& name, Seed seed) {
  fill_uniform_(linear.weight, bound_, seed.derive("weight", name));
  fill_uniform_(bias, bound_, seed.derive("bias", name));
}

ConvTranspose::ConvTranspose(std::int64_t channels)
    : weight(torch::empty({channels, channels, 2, 2})), bias(torch::empty({channels})) {}

at::Tensor ConvTranspose::forward(const at::Tensor& x) {
  return at::conv_transpose2d(x, weight, bias, /*stride=*/{2, 2});
}

std::vector<OwnTensor> ConvTranspose::tensors() {
  return {{"weight", &weight}, {"bias", &bias}};
}

void ConvTranspose::initialise(const std::string& name, Seed seed) {
  const double bound = inverse_root(4 * weight.size(1));
  fill_uniform_(weight, bound, seed.derive("weight", name));
  fill_uniform_(bias, bound, seed.derive("bias", name));
}

at::Tensor activate(Activation activation, at::Tensor x) {
  switch (activation) {
    case Activation::kRelu:
      return x.relu_();
    case Activation::kSilu:
      // Its gradient needs x: in place, autograd would keep a copy.
      return at::GradMode::is_enabled() ? ops::silu(x) : at::silu_(x);
    case Activation::kNone:
      break;
  }
  return x;
}

at::Tensor conv_norm(const at::Tensor& x, Conv& conv, NormLayer& norm) {
  if (!norm.is_affine() || norm.folded) {
    return norm.forward(conv.forward(x));
  }
  const auto [scale, shift] = norm.affine();
  return conv.conv.forward(x, scale, shift);
}

ConvNorm::ConvNorm(const Conv2dOptions& options,
                   Activation activation,
                   NormOptions norm,
                   Names names)
    : conv_(add<Conv>(names.conv, options)),
      norm_(add<NormLayer>(names.norm, options.out_channels, norm)),
      activation_(activation) {}

at::Tensor ConvNorm::forward(const at::Tensor& x) {
  return activate(activation_, conv_norm(x, conv_, norm_));
}

Conv2dOptions same_conv(std::int64_t in,
                        std::int64_t out,
                        std::int64_t kernel,
                        std::int64_t stride,
                        std::int64_t dilation) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = kernel,
          .stride = stride,
          .padding = (dilation * (kernel - 1) + 1) / 2,
          .dilation = dilation};
}

at::Tensor resize_nearest(const at::Tensor& x, std::int64_t height, std::int64_t width) {
  return at::upsample_nearest2d(x, {height, width});
}

at::Tensor resize_bilinear(const at::Tensor& x,
                           std::int64_t height,
                           std::int64_t width,
                           bool align_corners) {
  return at::upsample_bilinear2d(x, {height, width}, align_corners);
}

}  // namespace lorae::models
