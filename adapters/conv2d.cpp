#include "adapters/conv2d.h"

#include <chrono>
#include <cmath>

#include "adapters/starts.h"
#include "adapters/train_conv.h"
#include "base/error.h"
#include "tensors/device.h"
#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

at::Tensor convolve(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    const Conv2dOptions& options) {
  return at::conv2d(x, weight, bias, {options.stride, options.stride},
                    {options.padding, options.padding}, {options.dilation, options.dilation},
                    options.groups);
}

/// [Cout] as a factor of [Cout, ...].
at::Tensor per_output(const at::Tensor& scale) {
  return scale.view({-1, 1, 1, 1});
}

/// What conv's own bias becomes when its outputs are scaled and shifted.
at::Tensor joint_bias(const at::Tensor& bias, const at::Tensor& scale, const at::Tensor& shift) {
  return !bias.defined() ? shift : !scale.defined() ? bias : bias * scale + shift;
}

void fill_normal_(const at::Tensor& tensor, double deviation, Seed seed) {
  Random random = seed.random();
  float* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>(random.normal() * deviation);
  }
}

}  // namespace

Form cheapest_form(const LayerShape& layer,
                   std::int64_t positions,
                   bool training,
                   c10::DeviceType device) {
  if (device != at::kCPU) {
    return training ? Form::kBranch : Form::kMerged;
  }
  const std::int64_t filter = layer.in / layer.groups * layer.area();
  if (layer.out * filter > positions * (filter + layer.out)) {
    return Form::kBranch;
  }
  return training && layer.groups == 1 ? Form::kThin : Form::kMerged;
}

Conv2d::Conv2d(const Conv2dOptions& conv_options) : options(conv_options) {
  check(options.in_channels % options.groups == 0 && options.out_channels % options.groups == 0,
        ErrorCode::kInvalidArgument, "[adapters] ", options.in_channels, " and ",
        options.out_channels, " channels do not make ", options.groups, " groups");
  weight = torch::empty(
      {options.out_channels, options.in_channels / options.groups, options.kernel, options.kernel});
  groups = options.groups;
  if (options.bias) {
    bias = torch::zeros({options.out_channels});
  }
}

Conv2d::Conv2d(const Conv2dOptions& conv_options, Seed seed) : Conv2d(conv_options) {
  initialise(seed, seed.derive("bias"));
}

void Conv2d::initialise(Seed weight_seed, Seed bias_seed) {
  const auto area = static_cast<double>(options.kernel * options.kernel);
  const double fan_in = static_cast<double>(weight.size(1)) * area;
  const double fan_out = static_cast<double>(weight.size(0)) * area;
  const auto uniform = [&](double bound) {
    weight.copy_(uniform_tensor(weight.sizes().vec(), bound, weight_seed));
  };
  switch (options.init) {
    case ConvInit::kKaimingNormal:
      fill_normal_(weight, std::sqrt(2.0 / fan_out), weight_seed);
      break;
    case ConvInit::kKaimingUniform:
      uniform(1.0 / std::sqrt(fan_in));
      if (bias.defined()) {
        bias.copy_(uniform_tensor(bias.sizes().vec(), 1.0 / std::sqrt(fan_in), bias_seed));
      }
      break;
    case ConvInit::kReluUniform:
      uniform(std::sqrt(6.0 / fan_in));
      break;
    case ConvInit::kXavierUniform:
      uniform(std::sqrt(6.0 / (fan_in + fan_out)));
      break;
    case ConvInit::kLinearUniform:
      uniform(std::sqrt(3.0 / fan_in));
      break;
    case ConvInit::kSmallNormal:
      fill_normal_(weight, 0.01, weight_seed);
      break;
  }
}

LayerShape Conv2d::shape(const std::string& name) const {
  return {.name = name,
          .in = options.in_channels,
          .out = options.out_channels,
          .kernel = options.kernel,
          .stride = options.stride,
          .groups = options.groups,
          .norm_follows = !options.bias};
}

std::int64_t Conv2d::positions_of(const at::Tensor& x) const {
  const auto along = [&](std::int64_t size) {
    const std::int64_t reach = options.dilation * (options.kernel - 1) + 1;
    return (size + 2 * options.padding - reach) / options.stride + 1;
  };
  return x.size(0) * along(x.size(2)) * along(x.size(3));
}

at::Tensor Conv2d::forward(const at::Tensor& x,
                           const at::Tensor& scale,
                           const at::Tensor& shift) const {
  if (trace == nullptr) {
    return compute(x, scale, shift);
  }
  const auto start = std::chrono::steady_clock::now();
  at::Tensor y = compute(x, scale, shift);
  synchronise(y.device());
  trace->add(x, y, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return y;
}

at::Tensor Conv2d::compute(const at::Tensor& x,
                           const at::Tensor& scale,
                           const at::Tensor& shift) const {
  const auto scaled = [&](const at::Tensor& w, const at::Tensor& by) {
    return by.defined() ? w * per_output(by) : w;
  };
  const at::Tensor offset = joint_bias(bias, scale, shift);
  const bool plain_layer = !has_adapter() || is_fused();
  const bool training = at::GradMode::is_enabled();
  // A plain layer has no form: any but kBranch.
  const c10::DeviceType device = x.device().type();
  const Form chosen =
      plain_layer ? Form::kMerged
                  : form.value_or(cheapest_form(shape({}), positions_of(x), training, device));
  const auto is_frozen = [](const at::Tensor& t) { return !t.defined() || !t.requires_grad(); };
  const bool frozen = is_frozen(weight) && is_frozen(scale) && is_frozen(offset);
  if (device == at::kCPU && training && frozen &&
      (plain_layer ? x.requires_grad()
                   : groups == 1 && (chosen == Form::kThin || chosen == Form::kBranch))) {
    return train_conv(*this, x, scale, offset, chosen == Form::kBranch);
  }
  if (plain_layer) {
    return convolve(x, scaled(weight, scale), offset, options);
  }
  if (chosen == Form::kMerged || chosen == Form::kThin) {
    return convolve(x, scaled(fused_weight(), scale), offset, options);
  }
  const at::Tensor plain = scaled(weight, scale);
  const at::Tensor back = scaled(scaled(mapper * scaling, output_scale), scale);
  const at::Tensor low_rank = convolve(x, extractor, {}, options);
  return convolve(x, plain, offset, options) +
         convolve(low_rank, back, {}, Conv2dOptions{.groups = groups});
}

void Conv2d::fold_norm(const at::Tensor& scale, const at::Tensor& shift) {
  bias = joint_bias(bias, scale, shift);
  fold(scale);
}

}  // namespace lorae::adapters
