#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ops/conv/options.h"
#include "ops/loops/kernels.h"
#include "ops/maps/remake.h"

/// Maps as the loops of kernels.h want them: rows that a convolution's taps find their inputs in.
///
/// Positions are flat: output (row, column) of a band of rows is at row * width + column, in every
/// buffer. With a stride of s, the padded input is cut into s * s phases (every s-th row and
/// column), so that each tap of the kernel sees its inputs one behind the other, at a fixed offset.
/// A row is wider than the output by what the taps reach over; what falls there means nothing (in a
/// gradient it is zero, so that it adds nothing).
namespace lorae::ops {

/// Where the taps of a convolution find their inputs.
struct Layout {
  std::int64_t kernel, stride, padding, dilation;
  std::int64_t in_height, in_width, height, width;  ///< of the maps
  std::int64_t reach;                               ///< rows and columns that taps reach over
  std::int64_t row;                                 ///< positions from one row to the next
  std::vector<std::int64_t> phases;                 ///< those that a tap uses, of rows and columns

  /// Shapes: x [N, C, H, W] of the inputs, y of the outputs.
  Layout(const Conv2dOptions& options, at::IntArrayRef x, at::IntArrayRef y);

  std::int64_t taps() const { return kernel * kernel; }
  /// Inputs and outputs have the same positions: a band is one piece of a plane.
  bool is_flat() const { return kernel == 1 && stride == 1 && padding == 0; }
  /// Input channels at a time, about kColumns rows.
  std::int64_t input_channels() const;
  std::int64_t rows_per_band() const;
  /// More than one where images are small.
  std::int64_t images_per_band(std::int64_t images) const;
  /// Positions from one image to the next in a band of several. What taps reach over below an
  /// image is there, too.
  std::int64_t image_pitch() const { return (height + reach) * row; }
  /// Of the largest band.
  std::int64_t most_positions(std::int64_t images) const;
  std::int64_t phase_index(std::int64_t tap) const;

 private:
  /// No band has positions that are not an output's.
  bool fills_blocks() const;
};

/// Rows [first, first + rows) of one image, or of some that follow each other.
struct Band {
  std::int64_t image, images, first, rows;
  std::int64_t positions;  ///< of each buffer: a multiple of kernels::kBlock
};

/// All bands of some images.
std::vector<Band> bands_of(const Layout& layout, std::int64_t images);

/// Reads planes of a map that may have to be made again.
class MapReader {
 public:
  MapReader(const Sources& sources, std::int64_t plane);

  /// Numbers [from, from + count) of a channel's plane: where they are, or in `made` if they had to
  /// be made again.
  const float* read(std::int64_t image,
                    std::int64_t channel,
                    std::int64_t from,
                    std::int64_t count,
                    float* made) const;

 private:
  struct Planes {
    const float* data;
    std::int64_t channels, per_image;
    bool silu;
  };

  std::int64_t plane_;
  std::vector<Planes> sources_;
};

/// Layout::input_channels() of a band of the input, by phases, and a pointer for each channel and
/// tap.
class InputWindow {
 public:
  InputWindow(const Layout& layout, std::int64_t images);

  /// Row channel * taps + tap, for `count` channels from `channel` on.
  kernels::Rows fill(const MapReader& map,
                     const Band& band,
                     std::int64_t channel,
                     std::int64_t count);

 private:
  kernels::Rows fill_flat(const MapReader& map,
                          const Band& band,
                          std::int64_t channel,
                          std::int64_t count);
  void fill_phase(const float* plane,
                  std::int64_t low,
                  std::int64_t high,
                  std::int64_t top,
                  std::int64_t phase,
                  std::int64_t rows,
                  float* to) const;

  const Layout& layout_;
  std::int64_t phase_size_, channel_size_ = 0;
  std::vector<float> buffer_, made_;
  std::vector<const float*> rows_;
};

/// Some channels of a band of the outputs' gradient; zero where a row is wider than the output.
class OutputWindow {
 public:
  static constexpr std::int64_t kChannels = 64;  ///< at a time

  OutputWindow(const Layout& layout, const at::Tensor& dy);

  kernels::Rows fill(const Band& band, std::int64_t channel, std::int64_t count);
  /// Of the last `fill`.
  kernels::Rows rows() const { return {rows_.data(), rows_.size()}; }

 private:
  const Layout& layout_;
  const float* data_;
  std::int64_t channels_, stride_;
  std::vector<float> buffer_;
  std::vector<const float*> rows_;
};

/// Calls visit(first, count) for all channels, at most `most` at a time.
template <typename Visit>
void in_blocks(std::int64_t channels, std::int64_t most, Visit&& visit) {
  for (std::int64_t first = 0; first < channels; first += most) {
    visit(first, std::min(most, channels - first));
  }
}

}  // namespace lorae::ops
