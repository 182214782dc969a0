#include "adapters/train_conv.h"

#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// The frozen part of a call, and the geometry.
struct Frozen {
  at::Tensor weight;  ///< with the outputs' scale in it
  at::Tensor scale;   ///< [Cout], of what the adapter adds; may be undefined
  at::Tensor bias;
  double scaling = 1;
  Conv2dOptions options;
};

at::Tensor convolve(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    const Conv2dOptions& o) {
  return at::conv2d(x, weight, bias, {o.stride, o.stride}, {o.padding, o.padding},
                    {o.dilation, o.dilation});
}

at::Tensor effective(const Frozen& frozen, const at::Tensor& extractor, const at::Tensor& mapper) {
  return merged(frozen.weight, extractor, mapper, frozen.scaling, /*groups=*/1, frozen.scale);
}

/// The gradients of one convolution's input and weight, those that are asked for.
std::tuple<at::Tensor, at::Tensor> gradients(const at::Tensor& dy,
                                             const at::Tensor& x,
                                             const at::Tensor& weight,
                                             const Conv2dOptions& o,
                                             std::array<bool, 2> wanted) {
  const auto [dx, dw, db] = at::convolution_backward(
      dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef{}, {o.stride, o.stride},
      {o.padding, o.padding}, {o.dilation, o.dilation}, /*transposed=*/false,
      /*output_padding=*/{0, 0}, /*groups=*/1, {wanted[0], wanted[1], false});
  return {dx, dw};
}

class TrainConv : public torch::autograd::Function<TrainConv> {
 public:
  static Variable forward(AutogradContext* context,
                          const Variable& x,
                          const Variable& extractor,
                          const Variable& mapper,
                          const Frozen& frozen) {
    context->save_for_backward({x, extractor, mapper});
    context->saved_data["weight"] = frozen.weight;
    context->saved_data["scale"] = frozen.scale;
    context->saved_data["scaling"] = frozen.scaling;
    context->saved_data["geometry"] = std::vector<std::int64_t>{
        frozen.options.stride, frozen.options.padding, frozen.options.dilation};
    return convolve(x, effective(frozen, extractor, mapper), frozen.bias, frozen.options);
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &extractor = saved[1], &mapper = saved[2];
    const at::Tensor dy = outputs[0].contiguous();
    const auto geometry = context->saved_data["geometry"].toIntVector();
    const Frozen frozen{
        .weight = context->saved_data["weight"].toTensor(),
        .scale = context->saved_data["scale"].toTensor(),
        .bias = {},
        .scaling = context->saved_data["scaling"].toDouble(),
        .options = {.stride = geometry[0], .padding = geometry[1], .dilation = geometry[2]}};
    at::Tensor dx;
    if (x.requires_grad()) {
      dx = std::get<0>(
          gradients(dy, x, effective(frozen, extractor, mapper), frozen.options, {true, false}));
    }
    const std::int64_t rank = extractor.size(0), outputs_count = mapper.size(0);
    at::Tensor factor = at::full({outputs_count, 1}, frozen.scaling, mapper.options());
    if (frozen.scale.defined()) {
      factor = factor * frozen.scale.view({-1, 1});
    }
    const at::Tensor g = dy.flatten(2);  // [N, Cout, P]
    // Contiguous: products with a transposed view are several times slower.
    const at::Tensor b = (mapper.view({outputs_count, rank}) * factor).t().contiguous();
    const at::Tensor low_gradient =
        at::bmm(b.unsqueeze(0).expand({g.size(0), rank, outputs_count}), g);  // [N, r, P]
    const at::Tensor low = convolve(x, extractor, {}, frozen.options).flatten(2);
    const at::Tensor db = at::matmul(g, low.transpose(1, 2)).sum(0) * factor;  // [Cout, r]
    const at::Tensor da =
        std::get<1>(gradients(low_gradient.view({dy.size(0), rank, dy.size(2), dy.size(3)}), x,
                              extractor, frozen.options, {false, true}));
    return {dx, da, db.view_as(mapper), Variable()};
  }
};

}  // namespace

at::Tensor train_conv(const Conv2d& conv,
                      const at::Tensor& x,
                      const at::Tensor& scale,
                      const at::Tensor& bias) {
  const at::Tensor total = conv.output_scale.defined() && scale.defined()
                               ? conv.output_scale * scale
                           : scale.defined() ? scale
                                             : conv.output_scale;
  const at::Tensor weight = scale.defined() ? conv.weight * scale.view({-1, 1, 1, 1}) : conv.weight;
  return TrainConv::apply(x, conv.extractor, conv.mapper,
                          Frozen{.weight = weight,
                                 .scale = total,
                                 .bias = bias,
                                 .scaling = conv.scaling,
                                 .options = conv.options});
}

}  // namespace lorae::adapters
