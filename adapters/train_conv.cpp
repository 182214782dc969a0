#include "adapters/train_conv.h"

#include "ops/conv/low_rank_gradients.h"
#include "ops/conv/winograd.h"
#include "ops/maps/kept.h"
#include "ops/maps/remake.h"
#include "ops/suits_kernels.h"
#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

using ops::LowRankGradients;
using ops::Sources;
using ops::suits_kernels;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// The frozen part of a call, and the geometry.
struct Frozen {
  at::Tensor weight;  ///< with the outputs' scale in it
  at::Tensor scale;   ///< [Cout], of what the adapter adds; may be undefined
  at::Tensor bias;
  double scaling = 1;
  bool branch = false;
  bool fixed = false;  ///< the extractor learns nothing: A x is kept, r channels, and x is not
  Conv2dOptions options;

  at::Tensor scaled(const at::Tensor& mapper) const {
    return scaled_mapper(mapper, scaling, scale);
  }
};

/// The weight's whole gradient is cheaper than the two thin convolutions in its place: layers of
/// a few channels, a network's first above all. 0.8: it runs faster than they do.
bool few_channels(const at::Tensor& weight, std::int64_t rank) {
  const std::int64_t outputs = weight.size(0), filter = weight.numel() / outputs;
  return static_cast<double>(outputs * filter) <
         0.8 * static_cast<double>(2 * rank * (filter + outputs));
}

at::Tensor convolve(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    const Conv2dOptions& o) {
  if (ops::suits_winograd(weight, o, x)) {
    return ops::winograd(x, weight, bias, o.padding);
  }
  return at::conv2d(x, weight, bias, {o.stride, o.stride}, {o.padding, o.padding},
                    {o.dilation, o.dilation}, o.groups);
}

/// The gradients of a convolution's input and weight, those that are wanted.
std::tuple<at::Tensor, at::Tensor> gradients(const at::Tensor& dy,
                                             const at::Tensor& x,
                                             const at::Tensor& weight,
                                             const Conv2dOptions& o,
                                             std::array<bool, 2> wanted) {
  if (!wanted[1] && ops::suits_winograd(weight, o, dy)) {
    return {ops::winograd_input_gradient(dy, weight, o.padding), {}};
  }
  const auto [dx, dw, db] = at::convolution_backward(
      dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef{}, {o.stride, o.stride},
      {o.padding, o.padding}, {o.dilation, o.dilation}, /*transposed=*/false,
      /*output_padding=*/{0, 0}, o.groups, {wanted[0], wanted[1], false});
  return {dx, dw};
}

/// By LibTorch's own operations, for any dtype and device. `b`: Frozen::scaled.
LowRankGradients low_rank_gradients_anywhere(const at::Tensor& x,
                                             const at::Tensor& dy,
                                             const at::Tensor& extractor,
                                             const at::Tensor& b,
                                             const Conv2dOptions& options) {
  const at::Tensor g = dy.flatten(2);                                     // [N, Cout, P]
  const at::Tensor low_gradient = at::matmul(b.t(), g);                   // [N, r, P]
  const at::Tensor low = convolve(x, extractor, {}, options).flatten(2);  // [N, r, P]
  return {
      std::get<1>(gradients(low_gradient.reshape({dy.size(0), b.size(1), dy.size(2), dy.size(3)}),
                            x, extractor, options, {false, true})),
      at::matmul(g, low.transpose(1, 2)).sum(0)};
}

/// By the chain rule, from the gradient of the merged weight.
LowRankGradients from_weight_gradient(const at::Tensor& x,
                                      const at::Tensor& dy,
                                      const at::Tensor& extractor,
                                      const at::Tensor& b,
                                      const Frozen& frozen) {
  const at::Tensor dw =
      std::get<1>(gradients(dy, x, frozen.weight, frozen.options, {false, true})).flatten(1);
  return {at::mm(b.t(), dw).view_as(extractor), at::mm(dw, extractor.flatten(1).t())};
}

/// For the backward pass.
struct Call {
  Frozen frozen;
  std::vector<std::int64_t> shape;  ///< of x
  Sources x;                        ///< none without an adapter
};

class TrainConv : public Function<TrainConv> {
 public:
  static Variable forward(AutogradContext* context,
                          const Variable& x,
                          const c10::optional<Variable>& extractor,
                          const c10::optional<Variable>& mapper,
                          const Frozen& frozen) {
    const bool keeps_x = extractor && !frozen.fixed;
    ops::keep(context->saved_data, Call{.frozen = frozen,
                                        .shape = x.sizes().vec(),
                                        .x = keeps_x ? ops::sources_of(x) : Sources{}});
    if (!extractor) {
      return convolve(x, frozen.weight, frozen.bias, frozen.options);
    }
    at::Tensor low;  // A x
    if (frozen.fixed || frozen.branch) {
      low = convolve(x, *extractor, {}, frozen.options);
    }
    variable_list saved{*extractor, *mapper};
    if (frozen.fixed) {
      saved.push_back(low);
    }
    context->save_for_backward(saved);
    if (!frozen.branch) {
      return convolve(x, effective(frozen, *extractor, *mapper), frozen.bias, frozen.options);
    }
    const at::Tensor back = frozen.scaled(*mapper).view_as(*mapper);
    return convolve(x, frozen.weight, frozen.bias, frozen.options)
        .add_(convolve(low, back, {}, Conv2dOptions{}));
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    Call call = std::move(ops::kept<Call>(context->saved_data));
    context->saved_data.clear();
    const Frozen& frozen = call.frozen;
    const at::Tensor dy = outputs[0].contiguous();
    const variable_list saved = context->get_saved_variables();
    const bool adapted = !saved.empty();
    LowRankGradients low_rank;
    if (adapted && frozen.fixed) {
      low_rank.mapper = of_mapper(frozen, saved[2], dy).view_as(saved[1]);
    } else if (adapted) {
      low_rank = of_adapter(frozen, call.x, dy, saved[0], saved[1]);
      call.x.clear();
    }
    at::Tensor dx;
    if (context->needs_input_grad(0)) {
      dx = of_input(frozen, call.shape, dy, saved);
    }
    return {dx, low_rank.extractor, low_rank.mapper, Variable()};
  }

 private:
  /// Formula: dB = sum dy (A x)^T, with what the mapper is scaled by.
  static at::Tensor of_mapper(const Frozen& frozen, const at::Tensor& low, const at::Tensor& dy) {
    const at::Tensor sum = at::matmul(dy.flatten(2), low.flatten(2).transpose(1, 2)).sum(0);
    return frozen.scaled(sum);
  }

  static at::Tensor effective(const Frozen& frozen,
                              const at::Tensor& extractor,
                              const at::Tensor& mapper) {
    return merged(frozen.weight, extractor, mapper, frozen.scaling, /*groups=*/1, frozen.scale);
  }

  static LowRankGradients of_adapter(const Frozen& frozen,
                                     const Sources& x,
                                     const at::Tensor& dy,
                                     const at::Tensor& extractor,
                                     const at::Tensor& mapper) {
    const at::Tensor b = frozen.scaled(mapper);
    const bool fast = suits_kernels(dy) && suits_kernels(extractor) && suits_kernels(b);
    LowRankGradients all =
        few_channels(frozen.weight, extractor.size(0))
            ? from_weight_gradient(ops::remake(x), dy, extractor, b, frozen)
        : fast ? ops::low_rank_gradients(x, dy, extractor, b, frozen.options)
               : low_rank_gradients_anywhere(ops::remake(x), dy, extractor, b, frozen.options);
    all.mapper = frozen.scaled(all.mapper).view_as(mapper);
    return all;
  }

  static at::Tensor of_input(const Frozen& frozen,
                             const std::vector<std::int64_t>& shape,
                             const at::Tensor& dy,
                             const variable_list& adapter) {
    const at::Tensor x = at::empty(shape, dy.options());  // its shape is used, its values are not
    const auto back = [&](const at::Tensor& gradient, const at::Tensor& weight) {
      return std::get<0>(gradients(gradient, x, weight, frozen.options, {true, false}));
    };
    if (adapter.empty()) {
      return back(dy, frozen.weight);
    }
    if (!frozen.branch) {
      return back(dy, effective(frozen, adapter[0], adapter[1]));
    }
    const at::Tensor mapper = frozen.scaled(adapter[1]).t().contiguous();
    return back(dy, frozen.weight)
        .add_(
            back(convolve(dy, mapper.unsqueeze(2).unsqueeze(3), {}, Conv2dOptions{}), adapter[0]));
  }
};

}  // namespace

at::Tensor train_conv(const Conv2d& conv,
                      const at::Tensor& x,
                      const at::Tensor& scale,
                      const at::Tensor& bias,
                      bool branch) {
  const at::Tensor total = conv.output_scale.defined() && scale.defined()
                               ? conv.output_scale * scale
                           : scale.defined() ? scale
                                             : conv.output_scale;
  const auto optional = [](const at::Tensor& t) {
    return t.defined() ? c10::optional<Variable>(t) : c10::nullopt;
  };
  const bool adapted = conv.has_adapter() && !conv.is_fused();
  return TrainConv::apply(
      x, adapted ? optional(conv.extractor) : c10::nullopt,
      adapted ? optional(conv.mapper) : c10::nullopt,
      Frozen{.weight = scale.defined() ? conv.weight * scale.view({-1, 1, 1, 1}) : conv.weight,
             .scale = total,
             .bias = bias,
             .scaling = conv.scaling,
             .branch = branch,
             .fixed = adapted && !conv.extractor.requires_grad(),
             .options = conv.options});
}

}  // namespace lorae::adapters
