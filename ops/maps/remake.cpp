#include "ops/maps/remake.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "ops/loops/kernels.h"
#include "ops/maps/kept.h"
#include "ops/suits_kernels.h"
#include "tensors/torch.h"

namespace lorae::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

at::Tensor plain_silu(const at::Tensor& z) {
  if (!suits_kernels(z)) {
    return at::silu(z);
  }
  at::Tensor y = at::empty_like(z);
  kernels::silu(z.data_ptr<float>(), y.data_ptr<float>(), static_cast<std::size_t>(z.numel()));
  return y;
}

/// `dy` may be some channels of a wider map.
at::Tensor silu_gradient(const at::Tensor& z, const at::Tensor& dy) {
  if (!suits_kernels(z) || dy.scalar_type() != at::kFloat || z.dim() != 4) {
    return at::silu_backward(dy.contiguous(), z);
  }
  const at::Tensor slope = dy[0].is_contiguous() ? dy : dy.contiguous();
  at::Tensor dz = at::empty_like(z);
  const std::int64_t images = z.size(0), size = images == 0 ? 0 : z.numel() / images;
  for (std::int64_t image = 0; image < images; ++image) {
    kernels::silu_gradient(z.data_ptr<float>() + image * size,
                           slope.data_ptr<float>() + image * slope.stride(0),
                           dz.data_ptr<float>() + image * size, static_cast<std::size_t>(size));
  }
  return dz;
}

/// Channels [first, first + count) of a map.
Sources part(const Sources& whole, std::int64_t first, std::int64_t count) {
  Sources result;
  std::int64_t at = 0;
  for (const Source& source : whole) {
    const std::int64_t low = std::max(first, at);
    const std::int64_t high = std::min(first + count, at + source.channels);
    if (low < high) {
      Source& piece = result.emplace_back(source);
      piece.first += low - at;
      piece.channels = high - low;
    }
    at += source.channels;
  }
  return result;
}

Source whole(const at::Tensor& x, bool through_silu) {
  const at::Tensor map = x.detach().contiguous();
  return {.map = map, .channels = x.size(1), .silu = through_silu, .version = map._version()};
}

struct Silu : Function<Silu> {
  static Variable forward(AutogradContext* context, const Variable& z) {
    const Source source = whole(z, true);
    keep(context->saved_data, Sources{source});
    return plain_silu(source.map);
  }
  static variable_list backward(AutogradContext* context, const variable_list& dy) {
    const at::Tensor z = kept<Sources>(context->saved_data)[0].map;
    context->saved_data.clear();
    return {silu_gradient(z, dy[0])};
  }
};

struct Cat : Function<Cat> {
  static Variable forward(AutogradContext* context, at::TensorList parts) {
    Sources all;
    std::vector<std::int64_t> channels;
    for (const at::Tensor& one : parts) {
      const Sources sources = sources_of(one);
      all.insert(all.end(), sources.begin(), sources.end());
      channels.push_back(one.size(1));
    }
    keep(context->saved_data, std::move(all));
    context->saved_data["channels"] = channels;
    return at::cat(parts, 1);
  }
  static variable_list backward(AutogradContext* context, const variable_list& dy) {
    const std::vector<std::int64_t> channels = context->saved_data.at("channels").toIntVector();
    context->saved_data.clear();
    return dy[0].split_with_sizes(channels, 1);
  }
};

struct Halves : Function<Halves> {
  static variable_list forward(AutogradContext* context, const Variable& x) {
    keep(context->saved_data, sources_of(x));
    return x.chunk(2, 1);
  }
  static variable_list backward(AutogradContext* context, const variable_list& dy) {
    context->saved_data.clear();
    return {at::cat(dy, 1)};
  }
};

/// What operation F noted of `x`, if it made it.
template <typename F>
std::optional<Sources> noted_by(const at::Tensor& x) {
  const auto* node = dynamic_cast<const torch::autograd::CppNode<F>*>(x.grad_fn().get());
  if (node == nullptr || node->ctx_.saved_data.count(kKept) == 0) {
    return std::nullopt;
  }
  return kept<Sources>(node->ctx_.saved_data);
}

bool has_graph(const at::Tensor& x) {
  return at::GradMode::is_enabled() && x.requires_grad();
}

}  // namespace

at::Tensor silu(const at::Tensor& z) {
  return has_graph(z) ? Silu::apply(z) : at::silu(z);
}

at::Tensor cat(const std::vector<at::Tensor>& parts) {
  return std::ranges::any_of(parts, has_graph) ? Cat::apply(at::TensorList(parts))
                                               : at::cat(parts, 1);
}

std::vector<at::Tensor> halves(const at::Tensor& x) {
  return has_graph(x) ? Halves::apply(x) : x.chunk(2, 1);
}

Sources sources_of(const at::Tensor& x) {
  if (const auto halved = noted_by<Halves>(x)) {
    return part(*halved, static_cast<std::int64_t>(x.output_nr()) * x.size(1), x.size(1));
  }
  for (const auto& sources : {noted_by<Silu>(x), noted_by<Cat>(x)}) {
    if (sources) {
      return *sources;
    }
  }
  return {whole(x, false)};
}

const at::Tensor& unchanged_map(const Source& source) {
  check(source.map._version() == source.version, ErrorCode::kInvalidArgument,
        "[ops] a map that the backward pass needs was changed in place");
  return source.map;
}

at::Tensor remake(const Sources& sources) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  for (const Source& source : sources) {
    const at::Tensor map = unchanged_map(source).narrow(1, source.first, source.channels);
    parts.push_back(source.silu ? plain_silu(map.contiguous()) : map);
  }
  return parts.size() == 1 ? parts[0].contiguous() : at::cat(parts, 1);
}

}  // namespace lorae::ops
