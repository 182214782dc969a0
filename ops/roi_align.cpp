#include <ATen/Parallel.h>

#include <algorithm>

#include "ops/boxes.h"
#include "tensors/torch.h"

namespace lorae::ops {
namespace {

constexpr int kSamples = 2;  // per side of a cell

/// One coordinate of a bilinear sample: two neighbours and the second one's share.
struct Sample {
  std::int64_t low = 0, high = 0;
  double share = 0;
  bool outside = false;
};

template <typename Scalar>
Sample sample_at(Scalar position, std::int64_t size) {
  if (!(position >= Scalar{-1} && position <= static_cast<Scalar>(size))) {  // NaN, too
    return {.outside = true};
  }
  const Scalar inside = std::max(position, Scalar{0});
  const auto low = static_cast<std::int64_t>(inside);
  if (low >= size - 1) {
    return {.low = size - 1, .high = size - 1};
  }
  return {.low = low, .high = low + 1, .share = inside - static_cast<Scalar>(low)};
}

/// The samples of all cells along one side of a box.
template <typename Scalar>
std::vector<Sample> samples_along(Scalar from, Scalar to, std::int64_t bins, std::int64_t size) {
  const Scalar cell = std::max(to - from, Scalar{1}) / static_cast<Scalar>(bins);
  std::vector<Sample> samples;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    for (int i = 0; i < kSamples; ++i) {
      samples.push_back(
          sample_at<Scalar>(from + static_cast<Scalar>(bin) * cell +
                                (static_cast<Scalar>(i) + Scalar{0.5}) * cell / Scalar{kSamples},
                            size));
    }
  }
  return samples;
}

/// A place in a map and its share of a cell.
template <typename Scalar>
struct Tap {
  std::int64_t place = 0;
  Scalar share = 0;
};
constexpr std::size_t kTaps = std::size_t{4} * kSamples * kSamples;  // of a cell

/// What each cell of a box is made of: the same for all channels.
template <typename Scalar>
std::vector<Tap<Scalar>> taps_of(const Scalar* corner,
                                 Scalar scale,
                                 std::int64_t bins,
                                 std::int64_t height,
                                 std::int64_t width) {
  const auto xs = samples_along(corner[0] * scale, corner[2] * scale, bins, width);
  const auto ys = samples_along(corner[1] * scale, corner[3] * scale, bins, height);
  std::vector<Tap<Scalar>> taps;
  taps.reserve(static_cast<std::size_t>(bins * bins) * kTaps);
  for (std::int64_t cell = 0; cell < bins * bins; ++cell) {
    for (int i = 0; i < kSamples * kSamples; ++i) {
      const Sample& y = ys[static_cast<std::size_t>(cell / bins * kSamples + i / kSamples)];
      const Sample& x = xs[static_cast<std::size_t>(cell % bins * kSamples + i % kSamples)];
      const bool outside = y.outside || x.outside;
      const Scalar one = outside ? 0 : Scalar{1} / (kSamples * kSamples);
      const auto fy = static_cast<Scalar>(y.share), fx = static_cast<Scalar>(x.share);
      taps.push_back({y.low * width + x.low, one * (1 - fy) * (1 - fx)});
      taps.push_back({y.low * width + x.high, one * (1 - fy) * fx});
      taps.push_back({y.high * width + x.low, one * fy * (1 - fx)});
      taps.push_back({y.high * width + x.high, one * fy * fx});
    }
  }
  return taps;
}

template <typename Scalar>
void align(const at::Tensor& features,
           const at::Tensor& boxes,
           Scalar scale,
           std::int64_t bins,
           at::Tensor& out) {
  const std::int64_t channels = features.size(0), height = features.size(1),
                     width = features.size(2);
  const Scalar* maps = features.data_ptr<Scalar>();
  const Scalar* corners = boxes.data_ptr<Scalar>();
  Scalar* averages = out.data_ptr<Scalar>();
  at::parallel_for(0, boxes.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t box = begin; box < end; ++box) {
      const auto taps = taps_of(corners + 4 * box, scale, bins, height, width);
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        const Scalar* map = maps + channel * height * width;
        Scalar* cells = averages + (box * channels + channel) * bins * bins;
        for (const Tap<Scalar>* tap = taps.data(); tap != taps.data() + taps.size(); tap += kTaps) {
          Scalar sum = 0;
          for (std::size_t i = 0; i < kTaps; ++i) {
            sum += tap[i].share * map[tap[i].place];
          }
          *cells++ = sum;
        }
      }
    }
  });
}

/// The gradient of the maps. Each thread has channels of its own, so sums have one order.
template <typename Scalar>
void spread(const at::Tensor& gradient,
            const at::Tensor& boxes,
            Scalar scale,
            std::int64_t bins,
            at::Tensor& out) {
  const std::int64_t channels = out.size(0), height = out.size(1), width = out.size(2);
  const Scalar* averages = gradient.data_ptr<Scalar>();
  const Scalar* corners = boxes.data_ptr<Scalar>();
  Scalar* maps = out.data_ptr<Scalar>();
  at::parallel_for(0, channels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t box = 0; box < boxes.size(0); ++box) {
      const auto taps = taps_of(corners + 4 * box, scale, bins, height, width);
      for (std::int64_t channel = begin; channel < end; ++channel) {
        Scalar* map = maps + channel * height * width;
        const Scalar* cells = averages + (box * channels + channel) * bins * bins;
        for (const Tap<Scalar>* tap = taps.data(); tap != taps.data() + taps.size(); tap += kTaps) {
          const Scalar slope = *cells++;
          for (std::size_t i = 0; i < kTaps; ++i) {
            map[tap[i].place] += tap[i].share * slope;
          }
        }
      }
    }
  });
}

struct RoiAlign : torch::autograd::Function<RoiAlign> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& features,
                            const at::Tensor& boxes,
                            double scale,
                            std::int64_t bins) {
    context->saved_data["scale"] = scale;
    context->saved_data["shape"] = features.sizes().vec();
    context->save_for_backward({boxes});
    at::Tensor out = at::empty({boxes.size(0), features.size(0), bins, bins}, features.options());
    if (features.scalar_type() == at::kDouble) {
      align<double>(features, boxes, scale, bins, out);
    } else {
      align<float>(features, boxes, static_cast<float>(scale), bins, out);
    }
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor gradient = gradients[0].contiguous();
    const at::Tensor boxes = context->get_saved_variables()[0];
    const double scale = context->saved_data["scale"].toDouble();
    at::Tensor out = at::zeros(context->saved_data["shape"].toIntVector(), gradient.options());
    if (gradient.scalar_type() == at::kDouble) {
      spread<double>(gradient, boxes, scale, gradient.size(2), out);
    } else {
      spread<float>(gradient, boxes, static_cast<float>(scale), gradient.size(2), out);
    }
    return {out, {}, {}, {}};
  }
};

}  // namespace

namespace {

/// How much each line of a map counts in each cell along one side of boxes, from `from` to `to` in
/// lines: the mean of kSamples bilinear samples. Shape: [n] in, [n, bins, size] out.
at::Tensor shares_along(const at::Tensor& from,
                        const at::Tensor& to,
                        std::int64_t bins,
                        std::int64_t size) {
  const at::Tensor cell = (to - from).clamp_min(1).div(static_cast<double>(bins)).view({-1, 1, 1});
  const at::Tensor bin = at::arange(bins, from.options()).view({1, -1, 1});
  const at::Tensor within =
      (at::arange(kSamples, from.options()) + 0.5).div(static_cast<double>(kSamples));
  const at::Tensor position = from.view({-1, 1, 1}) + bin * cell + within * cell;
  const at::Tensor inside = position.clamp(0, static_cast<double>(size - 1)).unsqueeze(-1);
  const at::Tensor line = at::arange(size, from.options());
  const at::Tensor there =
      position.ge(-1).logical_and(position.le(static_cast<double>(size))).unsqueeze(-1);
  return (1 - (inside - line).abs()).clamp_min(0).mul(there).sum(2).div(kSamples);
}

}  // namespace

at::Tensor roi_align_anywhere(const at::Tensor& features,
                              const at::Tensor& boxes,
                              double scale,
                              std::int64_t bins) {
  constexpr std::int64_t kBoxes = 64;  // at once: bounds the memory
  const std::int64_t channels = features.size(0), height = features.size(1),
                     width = features.size(2);
  const at::Tensor corners = boxes * scale;
  std::vector<at::Tensor> all;
  for (std::int64_t first = 0; first < boxes.size(0); first += kBoxes) {
    const at::Tensor some = corners.slice(0, first, first + kBoxes);
    const at::Tensor across = shares_along(some.select(1, 0), some.select(1, 2), bins, width);
    const at::Tensor down = shares_along(some.select(1, 1), some.select(1, 3), bins, height);
    const at::Tensor rows =  // [n, C, H, bins]
        at::matmul(features.reshape({1, channels * height, width}), across.transpose(1, 2))
            .view({-1, channels, height, bins});
    all.push_back(at::matmul(down.unsqueeze(1), rows));
  }
  return all.empty() ? at::empty({0, channels, bins, bins}, features.options()) : at::cat(all);
}

at::Tensor roi_align(const at::Tensor& features,
                     const at::Tensor& boxes,
                     double scale,
                     std::int64_t bins) {
  return features.device().is_cpu()
             ? RoiAlign::apply(features.contiguous(), boxes.detach().contiguous(), scale, bins)
             : roi_align_anywhere(features, boxes, scale, bins);
}

}  // namespace lorae::ops
