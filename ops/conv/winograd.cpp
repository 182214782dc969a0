#include "ops/conv/winograd.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "ops/loops/kernels.h"
#include "tensors/torch.h"

namespace lorae::ops {
namespace {

using kernels::kBlock;
using kernels::kPoints;
using kernels::kTile;
using kernels::size;

constexpr std::size_t kMostTiles = 112;        // of a chunk
constexpr std::size_t kMostInputs = 1U << 18;  // at the points: 1 MiB

std::size_t rounded(std::size_t count, std::size_t to = kBlock) {
  return (count + to - 1) / to * to;
}

/// Tiles that only fill a block have any values: they go into no output.
std::unique_ptr<float[]> uninitialised(std::size_t count) {
  return std::make_unique_for_overwrite<float[]>(count);
}

/// Rows of tiles [first, first + rows), of all images.
struct Chunk {
  std::size_t first, rows;
  std::size_t positions;  ///< tiles, up to a multiple of kBlock
};

/// A convolution of planes; inputs and outputs as the maps have them.
struct Shape {
  std::size_t images, in_channels, in_height, in_width, out_channels, height, width, padding;

  std::size_t tiles_across() const { return rounded(width, kTile) / kTile; }
  std::size_t tiles_down() const { return rounded(height, kTile) / kTile; }
  /// Rows of tiles, of all images.
  std::size_t tile_rows() const { return images * tiles_down(); }

  /// Rows of tiles to do together: as many as fill blocks best.
  std::size_t rows_together() const {
    const std::size_t across = tiles_across();
    std::size_t best = 1;
    for (std::size_t rows = 2; rows * across <= kMostTiles; ++rows) {
      if (rows * rounded(best * across) >= best * rounded(rows * across)) {
        best = rows;
      }
    }
    return std::min(best, tile_rows());
  }

  // One line of a cache more than what is there, lest points fall on the same few of its sets.
  std::size_t input_stride(const Chunk& chunk) const {
    return in_channels * chunk.positions + kBlock;
  }
  std::size_t output_stride(const Chunk& chunk) const { return kBlock * chunk.positions + kBlock; }
  Chunk largest() const { return {0, rows_together(), rounded(rows_together() * tiles_across())}; }
  std::size_t most_input_stride() const { return input_stride(largest()); }
  std::size_t most_output_stride() const { return output_stride(largest()); }

  std::size_t chunks_together() const {
    const std::size_t in_all = (tile_rows() + rows_together() - 1) / rows_together();
    return std::clamp<std::size_t>(kMostInputs / (kPoints * most_input_stride()), 1, in_all);
  }
  /// Those that share a transform of the filters.
  std::vector<Chunk> chunks_from(std::size_t row) const {
    std::vector<Chunk> chunks;
    for (; row < tile_rows() && chunks.size() < chunks_together(); row += rows_together()) {
      const std::size_t rows = std::min(rows_together(), tile_rows() - row);
      chunks.push_back({row, rows, rounded(rows * tiles_across())});
    }
    return chunks;
  }
};

/// The inputs of some rows of tiles at the points: [chunk][point][channel][tile].
class Inputs {
 public:
  Inputs(const Shape& shape, const float* x)
      : shape_(shape),
        x_(x),
        pitch_(kTile * shape.tiles_across() + 8 * kBlock),
        zeros_(shape.in_width),
        scratch_(6 * pitch_),
        values_(uninitialised(shape.chunks_together() * kPoints * shape.most_input_stride() +
                              kBlock)) {}

  void read(const std::vector<Chunk>& chunks) {
    float* out = values_.get();
    for (const Chunk& chunk : chunks) {
      for (std::size_t channel = 0; channel < shape_.in_channels; ++channel) {
        read(chunk, channel, out + channel * chunk.positions);
      }
      out += kPoints * shape_.input_stride(chunk);
    }
  }

  const float* first() const { return values_.get(); }

 private:
  void read(const Chunk& chunk, std::size_t channel, float* out) {
    const std::size_t across = shape_.tiles_across();
    for (std::size_t i = 0; i < chunk.rows; ++i) {
      const std::size_t image = (chunk.first + i) / shape_.tiles_down();
      const std::size_t top = (chunk.first + i) % shape_.tiles_down() * kTile;
      const float* plane =
          x_ + (image * shape_.in_channels + channel) * shape_.in_height * shape_.in_width;
      const float* rows[6];
      for (std::size_t row = 0; row < 6; ++row) {
        const std::size_t y = top + row;  // of the padded plane
        const bool inside = y >= shape_.padding && y < shape_.padding + shape_.in_height;
        rows[row] = inside ? plane + (y - shape_.padding) * shape_.in_width : zeros_.data();
      }
      kernels::winograd_input({.rows = rows,
                               .width = shape_.in_width,
                               .padding = shape_.padding,
                               .tiles = across,
                               .room = chunk.positions - i * across,
                               .scratch = scratch_.data(),
                               .pitch = pitch_,
                               .out = out + i * across,
                               .stride = shape_.input_stride(chunk)});
    }
  }

  const Shape& shape_;
  const float* x_;
  std::size_t pitch_;
  std::vector<float> zeros_, scratch_;
  std::unique_ptr<float[]> values_;
};

/// kBlock filters at the points: [point][input channel][filter].
class Filters {
 public:
  /// `transposed`: of the convolution back to the input.
  Filters(const Shape& shape, const float* weight, bool transposed)
      : shape_(shape),
        weight_(weight),
        transposed_(transposed),
        stride_(shape.in_channels * kBlock + kBlock),
        values_(kPoints * stride_),
        padded_(9 * kBlock) {}

  void read(std::size_t first) {
    const std::size_t count = std::min(kBlock, shape_.out_channels - first);
    const std::size_t per_channel = transposed_ ? 9 * shape_.out_channels : 9;
    const std::size_t per_filter = transposed_ ? 9 : 9 * shape_.in_channels;
    for (std::size_t channel = 0; channel < shape_.in_channels; ++channel) {
      const float* from = weight_ + channel * per_channel + first * per_filter;
      std::size_t pitch = per_filter;
      if (count < kBlock) {  // the others are zero
        for (std::size_t filter = 0; filter < kBlock; ++filter) {
          for (std::size_t tap = 0; tap < 9; ++tap) {
            padded_[filter * 9 + tap] = filter < count ? from[filter * per_filter + tap] : 0;
          }
        }
        from = padded_.data();
        pitch = 9;
      }
      kernels::winograd_filters(from, pitch, transposed_, values_.data() + channel * kBlock,
                                stride_);
    }
  }

  const float* at(std::size_t point) const { return values_.data() + point * stride_; }

 private:
  const Shape& shape_;
  const float* weight_;
  bool transposed_;
  std::size_t stride_;
  std::vector<float> values_, padded_;
};

/// The outputs of kBlock filters: [point][filter][tile].
class Outputs {
 public:
  Outputs(const Shape& shape, const float* bias, float* y)
      : shape_(shape),
        bias_(bias),
        y_(y),
        values_(uninitialised(kPoints * shape.most_output_stride() + kBlock)) {}

  /// From one chunk of the inputs.
  void compute(const Chunk& chunk, const float* inputs, const Filters& filters, std::size_t first) {
    const std::size_t stride = shape_.output_stride(chunk);
    for (std::size_t point = 0; point < kPoints; ++point) {
      kernels::product(kernels::Dense{inputs + point * shape_.input_stride(chunk), chunk.positions,
                                      shape_.in_channels},
                       filters.at(point), kBlock, chunk.positions,
                       {.first = values_.get() + point * stride, .pitch = chunk.positions});
    }
    const std::size_t count = std::min(kBlock, shape_.out_channels - first);
    for (std::size_t channel = 0; channel < count; ++channel) {
      for (std::size_t i = 0; i < chunk.rows; ++i) {
        const std::size_t image = (chunk.first + i) / shape_.tiles_down();
        const std::size_t top = (chunk.first + i) % shape_.tiles_down() * kTile;
        const std::size_t plane = image * shape_.out_channels + first + channel;
        kernels::winograd_output(
            values_.get() + channel * chunk.positions + i * shape_.tiles_across(), stride,
            bias_ == nullptr ? 0 : bias_[first + channel],
            y_ + (plane * shape_.height + top) * shape_.width, std::min(kTile, shape_.height - top),
            shape_.width);
      }
    }
  }

 private:
  const Shape& shape_;
  const float* bias_;
  float* y_;
  std::unique_ptr<float[]> values_;
};

/// `transposed`: with the filters of the convolution back to the input, weight [Cin, Cout, 3, 3].
at::Tensor convolve(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    std::int64_t padding,
                    bool transposed) {
  const Shape shape{.images = size(x.size(0)),
                    .in_channels = size(x.size(1)),
                    .in_height = size(x.size(2)),
                    .in_width = size(x.size(3)),
                    .out_channels = size(weight.size(transposed ? 1 : 0)),
                    .height = size(x.size(2) + 2 * padding - 2),
                    .width = size(x.size(3) + 2 * padding - 2),
                    .padding = size(padding)};
  const at::Tensor in = x.contiguous(), filters = weight.contiguous();
  const at::Tensor offset = bias.defined() ? bias.contiguous() : bias;
  at::Tensor y =
      at::empty({x.size(0), static_cast<std::int64_t>(shape.out_channels),
                 static_cast<std::int64_t>(shape.height), static_cast<std::int64_t>(shape.width)},
                x.options());
  if (y.numel() == 0) {
    return y;
  }
  Inputs inputs(shape, in.data_ptr<float>());
  Filters at_points(shape, filters.data_ptr<float>(), transposed);
  Outputs outputs(shape, offset.defined() ? offset.data_ptr<float>() : nullptr,
                  y.data_ptr<float>());
  for (std::size_t row = 0; row < shape.tile_rows();) {
    const std::vector<Chunk> chunks = shape.chunks_from(row);
    inputs.read(chunks);
    for (std::size_t first = 0; first < shape.out_channels; first += kBlock) {
      at_points.read(first);
      const float* in_chunk = inputs.first();
      for (const Chunk& chunk : chunks) {
        outputs.compute(chunk, in_chunk, at_points, first);
        in_chunk += kPoints * shape.input_stride(chunk);
      }
    }
    row = chunks.back().first + chunks.back().rows;
  }
  return y;
}

}  // namespace

bool suits_winograd(const at::Tensor& weight, const Conv2dOptions& options, const at::Tensor& map) {
  const bool can = options.kernel == 3 && options.stride == 1 && options.dilation == 1 &&
                   options.groups == 1 && options.padding <= 2 &&
                   weight.scalar_type() == at::kFloat && weight.device().is_cpu() &&
                   map.scalar_type() == at::kFloat;
  const bool fits = std::min(map.size(2), map.size(3)) + 2 * options.padding >= 3;
  return can && fits && std::min(weight.size(0), weight.size(1)) >= 16 &&
         map.size(0) * map.size(2) * map.size(3) >= 256;
}

at::Tensor winograd(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    std::int64_t padding) {
  return convolve(x, weight, bias, padding, /*transposed=*/false);
}

at::Tensor winograd_input_gradient(const at::Tensor& dy,
                                   const at::Tensor& weight,
                                   std::int64_t padding) {
  return convolve(dy, weight, {}, 2 - padding, /*transposed=*/true);
}

}  // namespace lorae::ops
