#include "adapters/conv2d.h"

#include <cmath>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

constexpr std::int64_t kMergedUpTo = 192;  // output channels

at::Tensor convolve(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    const Conv2dOptions& options) {
  return at::conv2d(x, weight, bias, {options.stride, options.stride},
                    {options.padding, options.padding}, {options.dilation, options.dilation});
}

/// [Cout] as a factor of [Cout, ...].
at::Tensor per_output(const at::Tensor& scale) {
  return scale.view({-1, 1, 1, 1});
}

}  // namespace

Form preferred_form(const Conv2dOptions& options) {
  return options.out_channels <= kMergedUpTo ? Form::kMerged : Form::kBranch;
}

Conv2d::Conv2d(const Conv2dOptions& conv_options, Seed seed)
    : options(conv_options), form(preferred_form(conv_options)) {
  const double fan_out =
      static_cast<double>(options.out_channels * options.kernel * options.kernel);
  weight = torch::empty({options.out_channels, options.in_channels, options.kernel, options.kernel},
                        c10::kFloat);
  Random random = seed.random();
  float* values = weight.data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    values[i] = static_cast<float>(random.normal() * std::sqrt(2.0 / fan_out));
  }
}

void Conv2d::attach(std::int64_t rank, double alpha, Seed seed) {
  check(rank > 0, ErrorCode::kInvalidArgument, "[adapters] expected a rank of at least 1, got ",
        rank);
  const double fan_in = static_cast<double>(options.in_channels * options.kernel * options.kernel);
  extractor = uniform_tensor({rank, options.in_channels, options.kernel, options.kernel},
                             1.0 / std::sqrt(fan_in), seed);
  mapper = torch::zeros({options.out_channels, rank, 1, 1}, c10::kFloat);
  scaling = alpha / static_cast<double>(rank);
}

at::Tensor Conv2d::fused_weight() const {
  if (!has_adapter()) {
    return weight;
  }
  const std::int64_t rank = extractor.size(0);
  return at::addmm(weight.view({options.out_channels, -1}), mapper.view({-1, rank}),
                   extractor.view({rank, -1}), /*beta=*/1, /*alpha=*/scaling)
      .view_as(weight);
}

at::Tensor Conv2d::forward(const at::Tensor& x,
                           const at::Tensor& scale,
                           const at::Tensor& shift) const {
  const auto scaled = [&](const at::Tensor& w) {
    return scale.defined() ? w * per_output(scale) : w;
  };
  if (form == Form::kMerged || !has_adapter() || !at::GradMode::is_enabled()) {
    return convolve(x, scaled(fused_weight()), shift, options);
  }
  const at::Tensor low_rank = convolve(x, extractor, {}, options);
  return convolve(x, scaled(weight), shift, options) +
         at::conv2d(low_rank, scaled(mapper * scaling));
}

at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, Seed seed) {
  at::Tensor tensor = torch::empty(shape, c10::kFloat);
  Random random = seed.random();
  float* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = (2.0F * random.uniform() - 1.0F) * static_cast<float>(bound);
  }
  return tensor;
}

}  // namespace lorae::adapters
