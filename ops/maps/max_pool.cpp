#include "ops/maps/max_pool.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "tensors/torch.h"

namespace lorae::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct Geometry {
  std::int64_t kernel, stride, padding, in_height, in_width, height, width;
};

/// One plane, on a copy with a border of minus infinity. Outputs of a row are made for each row of
/// the copy's width, so that a tap is one flat loop; with a stride, columns between are left out at
/// the end.
class PlanePool {
 public:
  explicit PlanePool(const Geometry& g)
      : g_(g),
        row_(g.in_width + 2 * g.padding),
        padded_(static_cast<std::size_t>((g.in_height + 2 * g.padding + 1) * row_ + g.kernel),
                -std::numeric_limits<float>::infinity()),
        best_(static_cast<std::size_t>(row_)),
        tap_(static_cast<std::size_t>(row_)) {}

  void run(const float* x, float* y, std::uint8_t* taps) {
    for (std::int64_t i = 0; i < g_.in_height; ++i) {
      std::copy_n(x + i * g_.in_width, g_.in_width,
                  padded_.data() + (i + g_.padding) * row_ + g_.padding);
    }
    for (std::int64_t i = 0; i < g_.height; ++i) {
      const float* top = padded_.data() + i * g_.stride * row_;
      std::copy_n(top, row_, best_.data());
      std::fill(tap_.begin(), tap_.end(), 0);
      for (std::int64_t tap = 1; tap < g_.kernel * g_.kernel; ++tap) {
        raise(top + tap / g_.kernel * row_ + tap % g_.kernel, static_cast<float>(tap));
      }
      for (std::int64_t j = 0; j < g_.width; ++j) {
        y[i * g_.width + j] = best_[static_cast<std::size_t>(j * g_.stride)];
        taps[i * g_.width + j] =
            static_cast<std::uint8_t>(tap_[static_cast<std::size_t>(j * g_.stride)]);
      }
    }
  }

 private:
  /// Taps are floats meanwhile: equal widths make vectors of the loop.
  void raise(const float* x, float tap) {
    float* best = best_.data();
    float* which = tap_.data();
    for (std::int64_t j = 0; j < row_; ++j) {
      const bool larger = !(x[j] <= best[j]) && best[j] == best[j];
      best[j] = larger ? x[j] : best[j];
      which[j] = larger ? tap : which[j];
    }
  }

  const Geometry& g_;
  std::int64_t row_;
  std::vector<float> padded_, best_, tap_;
};

struct MaxPool : torch::autograd::Function<MaxPool> {
  static Variable forward(AutogradContext* context, const Variable& input, const Geometry& g) {
    const at::Tensor x = input.contiguous();
    at::Tensor y = at::empty({x.size(0), x.size(1), g.height, g.width}, x.options());
    at::Tensor taps = at::empty(y.sizes(), x.options().dtype(at::kByte));
    PlanePool pool(g);
    const std::int64_t in = g.in_height * g.in_width, out = g.height * g.width;
    for (std::int64_t plane = 0; plane < x.size(0) * x.size(1); ++plane) {
      pool.run(x.data_ptr<float>() + plane * in, y.data_ptr<float>() + plane * out,
               taps.data_ptr<std::uint8_t>() + plane * out);
    }
    context->save_for_backward({taps});
    context->saved_data["geometry"] = std::vector<std::int64_t>{
        g.kernel, g.stride, g.padding, g.in_height, g.in_width, g.height, g.width};
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const at::Tensor taps = context->get_saved_variables()[0];
    const auto saved = context->saved_data["geometry"].toIntVector();
    const Geometry g{saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6]};
    const at::Tensor dy = outputs[0].contiguous();
    at::Tensor dx = at::zeros({dy.size(0), dy.size(1), g.in_height, g.in_width}, dy.options());
    const float* slope = dy.data_ptr<float>();
    const std::uint8_t* tap = taps.data_ptr<std::uint8_t>();
    float* plane = dx.data_ptr<float>();
    for (std::int64_t p = 0; p < dy.size(0) * dy.size(1); ++p, plane += g.in_height * g.in_width) {
      for (std::int64_t i = 0; i < g.height; ++i) {
        for (std::int64_t j = 0; j < g.width; ++j, ++slope, ++tap) {
          const std::int64_t y = i * g.stride - g.padding + *tap / g.kernel;
          const std::int64_t x = j * g.stride - g.padding + *tap % g.kernel;
          // Where all is minus infinity, the tap may point to the border.
          if (y >= 0 && y < g.in_height && x >= 0 && x < g.in_width) {
            plane[y * g.in_width + x] += *slope;
          }
        }
      }
    }
    return {dx, Variable()};
  }
};

}  // namespace

at::Tensor max_pool(const at::Tensor& x,
                    std::int64_t kernel,
                    std::int64_t stride,
                    std::int64_t padding) {
  const bool ours = at::GradMode::is_enabled() && x.requires_grad() && x.device().is_cpu() &&
                    x.scalar_type() == at::kFloat;
  if (!ours) {
    return at::max_pool2d(x, {kernel, kernel}, {stride, stride}, {padding, padding});
  }
  const auto outputs = [&](std::int64_t size) {
    return (size + 2 * padding - kernel) / stride + 1;
  };
  return MaxPool::apply(x, Geometry{kernel, stride, padding, x.size(2), x.size(3),
                                    outputs(x.size(2)), outputs(x.size(3))});
}

}  // namespace lorae::ops
