#include "adapters/adapted_weight.h"

#include <cmath>
#include <utility>

#include "adapters/starts.h"
#include "base/error.h"
#include "ops/loops/kernels.h"
#include "ops/suits_kernels.h"
#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

/// [Cout] as a factor of [Cout, ...].
at::Tensor per_output(const at::Tensor& scale, std::int64_t dimensions) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions), 1);
  shape[0] = -1;
  return scale.view(shape);
}

/// As merged(), one group: ranks are small, and general matrix products slow at that.
at::Tensor merged_by_loops(const at::Tensor& weight,
                           const at::Tensor& extractor,
                           const at::Tensor& mapper,
                           double factor,
                           const at::Tensor& scale) {
  const auto outputs = static_cast<std::size_t>(weight.size(0));
  const auto rank = static_cast<std::size_t>(extractor.size(0));
  const std::size_t filter = static_cast<std::size_t>(weight.numel()) / outputs;
  const at::Tensor a = extractor.contiguous(), b = scaled_mapper(mapper, factor, scale);
  at::Tensor sum = at::empty_like(weight);
  // A few filters at a time: memory is read and written along their rows.
  constexpr std::size_t kFilters = 4;
  std::vector<float> some(rank * kFilters);
  for (std::size_t first = 0; first < outputs; first += kFilters) {
    const std::size_t count = std::min(kFilters, outputs - first);
    for (std::size_t r = 0; r < rank; ++r) {
      for (std::size_t i = 0; i < count; ++i) {
        some[r * count + i] = b.data_ptr<float>()[(first + i) * rank + r];
      }
    }
    ops::kernels::product(ops::kernels::Dense{a.data_ptr<float>(), filter, rank}, some.data(),
                          count, filter,
                          {.first = sum.data_ptr<float>() + first * filter,
                           .pitch = filter,
                           .start = weight.data_ptr<float>() + first * filter});
  }
  return sum;
}

}  // namespace

void LayerTrace::add(const at::Tensor& input, const at::Tensor& output, double took) {
  const bool channels_last = output.dim() == 2;  // linear
  positions += output.numel() / output.size(channels_last ? -1 : 1);
  inputs += input.numel();
  seconds += took;
  if (input_shape.empty()) {
    input_shape = input.sizes().vec();
  }
}

void AdaptedWeight::attach(std::int64_t rank, double of, Seed seed) {
  attach({.rank = rank, .alpha = of, .scaling = of / static_cast<double>(rank)}, seed);
}

void AdaptedWeight::attach(const LayerAdapter& adapter, Seed seed) {
  check(adapter.rank > 0, ErrorCode::kInvalidArgument,
        "[adapters] expected a rank of at least 1, got ", adapter.rank);
  extractor = started(adapter, seed).to(weight.options());
  std::vector<std::int64_t> mapper_shape(static_cast<std::size_t>(weight.dim()), 1);
  mapper_shape[0] = weight.size(0);
  mapper_shape[1] = adapter.rank;
  mapper = torch::zeros(mapper_shape, weight.options());
  scaling = adapter.scaling;
  alpha = adapter.alpha;
}

at::Tensor AdaptedWeight::started(const LayerAdapter& adapter, Seed seed) const {
  const std::int64_t fan_in = weight.numel() / weight.size(0);
  const std::int64_t own = adapter.rank - adapter.residual;
  std::vector<std::int64_t> shape = weight.sizes().vec();
  shape[0] = groups * own;
  at::Tensor start;
  switch (adapter.init) {
    case ExtractorInit::kKaiming:
      start = uniform_tensor(shape, 1.0 / std::sqrt(static_cast<double>(fan_in)), seed);
      break;
    case ExtractorInit::kOrthonormal:
      start = orthonormal_tensor(shape, seed);
      break;
    case ExtractorInit::kPrincipal:
      start = principal_tensor(weight.reshape({groups, -1, fan_in}), own, seed).view(shape);
      break;
  }
  if (adapter.residual == 0) {
    return start;
  }
  shape[0] = adapter.residual;
  shape.insert(shape.begin(), groups);
  return at::cat({start.unflatten(0, {groups, own}), torch::zeros(shape)}, 1).flatten(0, 1);
}

void AdaptedWeight::attach_core(ExtractorInit init, Seed seed) {
  check(groups == 1, ErrorCode::kInvalidConfig,
        "[adapters] a core is for layers without groups: take them out of targets, or train "
        "factors");
  const at::Tensor rows =
      init == ExtractorInit::kPrincipal
          ? principal_tensor(weight.reshape({1, weight.size(0), -1}).mT(), rank(), seed)[0]
          : orthonormal_tensor({rank(), weight.size(0)}, seed);
  basis = rows.t().contiguous().to(weight.options());
  core = torch::zeros({rank(), rank()}, weight.options());
  take_core();
}

void AdaptedWeight::take_core() {
  if (core.defined()) {
    mapper = mapper_of(basis, core, extractor.dim());
  }
}

at::Tensor AdaptedWeight::fused_weight() const {
  if (!has_adapter() || is_fused()) {
    return weight;
  }
  return merged(weight, extractor, mapper, scaling, groups, output_scale);
}

void AdaptedWeight::fuse() {
  if (has_adapter() && !is_fused()) {
    plain_weight = std::exchange(weight, fused_weight().detach());
  }
}

void AdaptedWeight::unfuse() {
  if (is_fused()) {
    weight = std::exchange(plain_weight, {});
  }
}

void AdaptedWeight::fold(const at::Tensor& scale) {
  const at::Tensor factor = per_output(scale, weight.dim());
  weight = weight * factor;
  if (is_fused()) {
    plain_weight = plain_weight * factor;
  }
  output_scale = output_scale.defined() ? output_scale * scale : scale;
}

at::Tensor merged(const at::Tensor& weight,
                  const at::Tensor& extractor,
                  const at::Tensor& mapper,
                  double factor,
                  std::int64_t groups,
                  const at::Tensor& scale) {
  const std::int64_t outputs = weight.size(0);
  const bool with_graph =
      at::GradMode::is_enabled() &&
      (weight.requires_grad() || extractor.requires_grad() || mapper.requires_grad());
  if (groups == 1 && ops::suits_kernels(weight) && ops::suits_kernels(extractor) && !with_graph &&
      weight.numel() / outputs % static_cast<std::int64_t>(ops::kernels::kBlock) == 0) {
    return merged_by_loops(weight, extractor, mapper, factor, scale);
  }
  const at::Tensor a = extractor.to(weight.scalar_type());
  at::Tensor b = mapper.to(weight.scalar_type());
  if (scale.defined()) {
    b = b * per_output(scale, b.dim());
  }
  if (groups == 1) {
    return at::addmm(weight.reshape({outputs, -1}), b.view({outputs, -1}), a.view({a.size(0), -1}),
                     /*beta=*/1, /*alpha=*/factor)
        .view_as(weight);
  }
  return at::baddbmm(weight.reshape({groups, outputs / groups, -1}),
                     b.view({groups, outputs / groups, -1}),
                     a.view({groups, a.size(0) / groups, -1}), /*beta=*/1, /*alpha=*/factor)
      .view_as(weight);
}

at::Tensor mapper_of(const at::Tensor& basis, const at::Tensor& core, std::int64_t dimensions) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dimensions), 1);
  shape[0] = basis.size(0);
  shape[1] = core.size(1);
  return at::mm(basis, core).view(shape);
}

at::Tensor scaled_mapper(const at::Tensor& mapper, double factor, const at::Tensor& scale) {
  const std::int64_t outputs = mapper.size(0), rank = mapper.size(1);
  if (!ops::suits_kernels(mapper) || (scale.defined() && !ops::suits_kernels(scale))) {
    const at::Tensor b = mapper.reshape({outputs, rank}) * factor;
    return scale.defined() ? b * scale.view({-1, 1}) : b;
  }
  at::Tensor b = at::empty({outputs, rank}, mapper.options());  // one operation instead of five
  for (std::int64_t o = 0; o < outputs; ++o) {
    const float by =
        static_cast<float>(factor) * (scale.defined() ? scale.data_ptr<float>()[o] : 1);
    for (std::int64_t r = o * rank; r < (o + 1) * rank; ++r) {
      b.data_ptr<float>()[r] = mapper.data_ptr<float>()[r] * by;
    }
  }
  return b;
}

}  // namespace lorae::adapters
