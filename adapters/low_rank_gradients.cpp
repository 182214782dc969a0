#include "adapters/low_rank_gradients.h"

#include <algorithm>

#include "adapters/kernels.h"
#include "tensors/torch.h"

// Positions are flat: output (row, column) of a band of rows is at row * width + column, in every
// buffer. With a stride of s, the padded input is cut into s * s phases (every s-th row and
// column), so that each tap of the kernel sees its inputs one behind the other, at a fixed offset.
// A row is wider than the output by what the taps reach over; there, gradients are zero, so that
// what else falls on these positions adds nothing.
namespace lorae::adapters {
namespace {

// The buffers of a band stay in the second cache. 63 lines of a cache, not 64: rows one behind the
// other must not fall on the same few of its sets.
constexpr std::int64_t kBandPositions = 1008;
constexpr std::int64_t kOutputChannels = 64;  // at a time
constexpr std::int64_t kColumns = 81;         // input channels * taps at a time, about

std::size_t size(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

std::int64_t rounded(std::int64_t positions) {
  constexpr auto kBlock = static_cast<std::int64_t>(kernels::kBlock);
  return (positions + kBlock - 1) / kBlock * kBlock;
}

/// From one row of a buffer to the next: an odd number of lines of a cache.
std::int64_t spread(std::int64_t positions) {
  constexpr auto kBlock = static_cast<std::int64_t>(kernels::kBlock);
  return (rounded(positions) / kBlock | 1) * kBlock;
}

/// Where the taps of a convolution find their inputs.
struct Layout {
  std::int64_t kernel, stride, padding, dilation;
  std::int64_t in_height, in_width, height, width;  ///< of the maps
  std::int64_t reach;                               ///< rows and columns that taps reach over
  std::int64_t row;                                 ///< positions from one row to the next
  std::vector<std::int64_t> phases;                 ///< those that a tap uses, of rows and columns

  Layout(const Conv2dOptions& o, at::IntArrayRef x, at::IntArrayRef y)
      : kernel(o.kernel),
        stride(o.stride),
        padding(o.padding),
        dilation(o.dilation),
        in_height(x[2]),
        in_width(x[3]),
        height(y[2]),
        width(y[3]),
        reach((kernel - 1) * dilation / stride),
        row(width + reach) {
    constexpr auto kBlock = static_cast<std::int64_t>(kernels::kBlock);
    if (is_flat() && height * width % kBlock == 0) {  // rows of another length fill blocks
      height = in_height = height * width / kBlock;
      width = in_width = row = kBlock;
    }
    for (std::int64_t tap = 0; tap < kernel; ++tap) {
      const std::int64_t phase = tap * dilation % stride;
      if (std::ranges::find(phases, phase) == phases.end()) {
        phases.push_back(phase);
      }
    }
  }

  std::int64_t taps() const { return kernel * kernel; }
  /// Inputs and outputs have the same positions: a band is one piece of a plane.
  bool is_flat() const { return kernel == 1 && stride == 1 && padding == 0; }
  std::int64_t input_channels() const { return std::max<std::int64_t>(1, kColumns / taps()); }
  std::int64_t rows_per_band() const {
    return std::clamp<std::int64_t>(kBandPositions / row, 1, height);
  }
  /// No band has positions that are not an output's.
  bool fills_blocks() const {
    return is_flat() && row == static_cast<std::int64_t>(kernels::kBlock);
  }
  /// More than one where images are small and follow each other without a gap.
  std::int64_t images_per_band(std::int64_t images) const {
    const std::int64_t plane = height * width;
    const bool alone = !is_flat() || (fills_blocks() && plane >= kBandPositions / 4);
    return alone ? 1 : std::clamp<std::int64_t>(kBandPositions / plane, 1, images);
  }
  /// Of the largest band.
  std::int64_t most_positions(std::int64_t images) const {
    return rounded(images_per_band(images) * rows_per_band() * row);
  }
  std::int64_t phase_index(std::int64_t tap) const {
    return std::ranges::find(phases, tap * dilation % stride) - phases.begin();
  }
};

/// Rows [first, first + rows) of one image, or of some that follow each other.
struct Band {
  std::int64_t image, images, first, rows;
  std::int64_t positions;  ///< of each buffer: a multiple of kernels::kBlock
};

/// Reads planes of a map that may have to be made again.
class MapReader {
 public:
  MapReader(const Sources& sources, std::int64_t plane) : plane_(plane) {
    for (const Segment& segment : sources) {
      Planes planes{.channels = segment.channels, .sum = {}};
      for (const Source& source : segment.sum) {
        const at::Tensor& map = unchanged_map(source);
        planes.sum.push_back(
            {map.data_ptr<float>() + source.first * plane, map.size(1) * plane, source.silu});
      }
      segments_.push_back(std::move(planes));
    }
  }

  /// Numbers [from, from + count) of a channel's plane: where they are, or `made` if they had to be
  /// made again, there.
  const float* read(std::int64_t image,
                    std::int64_t channel,
                    std::int64_t from,
                    std::int64_t count,
                    float* made) {
    auto segment = segments_.begin();
    for (; channel >= segment->channels; ++segment) {
      channel -= segment->channels;
    }
    const auto start = [&](const Plane& plane) {
      return plane.data + image * plane.per_image + channel * plane_ + from;
    };
    if (segment->sum.size() == 1 && !segment->sum[0].silu) {
      return start(segment->sum[0]);
    }
    term_.resize(size(count));
    for (std::size_t i = 0; i < segment->sum.size(); ++i) {
      const Plane& plane = segment->sum[i];
      const float* values = start(plane);
      float* to = i == 0 ? made : term_.data();
      if (plane.silu) {
        kernels::silu(values, to, size(count));
        values = to;
      }
      if (i > 0) {
        kernels::add(values, made, size(count));
      } else if (values != made) {
        std::copy_n(values, count, made);
      }
    }
    return made;
  }

 private:
  struct Plane {
    const float* data;
    std::int64_t per_image;
    bool silu;
  };
  struct Planes {
    std::int64_t channels;
    std::vector<Plane> sum;
  };

  std::int64_t plane_;
  std::vector<Planes> segments_;
  std::vector<float> term_;
};

/// Some channels of a band of the input, by phases, and a pointer for each channel and tap.
class InputWindow {
 public:
  InputWindow(const Layout& layout, std::int64_t images)
      : layout_(layout),
        phase_size_(spread(layout.most_positions(images) + layout.reach * (layout.row + 1))) {
    const auto phases = static_cast<std::int64_t>(layout.phases.size());
    channel_size_ = spread(phases * phases * phase_size_);
    buffer_.resize(size(layout.input_channels() * channel_size_));
    for (std::int64_t channel = 0; channel < layout.input_channels(); ++channel) {
      for (std::int64_t tap = 0; tap < layout.taps(); ++tap) {
        const std::int64_t y = tap / layout.kernel, x = tap % layout.kernel;
        const std::int64_t phase = layout.phase_index(y) * phases + layout.phase_index(x);
        rows_.push_back(buffer_.data() + channel * channel_size_ + phase * phase_size_ +
                        y * layout.dilation / layout.stride * layout.row +
                        x * layout.dilation / layout.stride);
      }
    }
  }

  kernels::Rows fill(MapReader& map, const Band& band, std::int64_t channel, std::int64_t count) {
    const std::int64_t top = band.first * layout_.stride - layout_.padding;
    const std::int64_t bottom = top + (band.rows + layout_.reach) * layout_.stride;
    const std::int64_t low = std::clamp<std::int64_t>(top, 0, layout_.in_height);
    const std::int64_t high = std::clamp<std::int64_t>(bottom, low, layout_.in_height);
    const std::int64_t rows = band.rows + layout_.reach;
    if (layout_.is_flat()) {
      return fill_flat(map, band, channel, count);
    }
    made_.resize(size((high - low) * layout_.in_width));
    for (std::int64_t i = 0; i < count; ++i) {
      float* to = buffer_.data() + i * channel_size_;
      const float* plane = map.read(band.image, channel + i, low * layout_.in_width,
                                    (high - low) * layout_.in_width, made_.data());
      for (const std::int64_t y : layout_.phases) {
        for (const std::int64_t x : layout_.phases) {
          fill_phase(plane, low, high, top + y, x, rows, to);
          to += phase_size_;
        }
      }
    }
    return {rows_.data(), size(count * layout_.taps())};
  }

 private:
  kernels::Rows fill_flat(MapReader& map,
                          const Band& band,
                          std::int64_t channel,
                          std::int64_t count) {
    const std::int64_t width = layout_.in_width, size_of_one = band.rows * width;
    for (std::int64_t i = 0; i < count; ++i) {
      float* to = buffer_.data() + i * channel_size_;
      for (std::int64_t image = 0; image < band.images; ++image, to += size_of_one) {
        const float* from =
            map.read(band.image + image, channel + i, band.first * width, size_of_one, to);
        if (from != to) {
          std::copy_n(from, size_of_one, to);
        }
      }
      std::fill(to, buffer_.data() + i * channel_size_ + band.positions, 0.0F);
    }
    return {rows_.data(), size(count)};
  }

  /// `plane`: input rows [low, high). Row j of the phase is input row top + j * stride. What lies
  /// left and right of the input stays zero, as it was made.
  void fill_phase(const float* plane,
                  std::int64_t low,
                  std::int64_t high,
                  std::int64_t top,
                  std::int64_t phase,
                  std::int64_t rows,
                  float* to) const {
    const Layout& l = layout_;
    // Column i of the phase is input column i * stride + shift.
    const std::int64_t shift = phase - l.padding;
    const std::int64_t begin = std::min(l.row, shift >= 0 ? 0 : (-shift + l.stride - 1) / l.stride);
    const std::int64_t end =
        std::clamp((l.in_width - shift + l.stride - 1) / l.stride, begin, l.row);
    float* out = to;
    for (std::int64_t j = 0; j < rows; ++j, out += l.row) {
      const std::int64_t y = top + j * l.stride;
      if (y < low || y >= high) {
        std::fill_n(out, l.row, 0.0F);
        continue;
      }
      const float* in = plane + (y - low) * l.in_width + shift;
      if (l.stride == 1) {
        std::copy_n(in + begin, end - begin, out + begin);
      } else {
        kernels::gather(in + begin * l.stride, size(l.stride), out + begin, size(end - begin));
      }
    }
  }

  const Layout& layout_;
  std::int64_t phase_size_, channel_size_ = 0;
  std::vector<float> buffer_, made_;
  std::vector<const float*> rows_;
};

/// Some channels of a band of the outputs' gradient; zero where a row is wider than the output.
class OutputWindow {
 public:
  OutputWindow(const Layout& layout, const at::Tensor& dy)
      : layout_(layout),
        data_(dy.data_ptr<float>()),
        channels_(dy.size(1)),
        stride_(spread(layout.most_positions(dy.size(0)))),
        buffer_(size(kOutputChannels * stride_)) {}

  kernels::Rows fill(const Band& band, std::int64_t channel, std::int64_t count) {
    rows_.clear();
    const std::int64_t width = layout_.width;
    for (std::int64_t i = 0; i < count; ++i) {
      float* to = buffer_.data() + i * stride_;
      rows_.push_back(to);
      for (std::int64_t image = 0; image < band.images; ++image) {
        const float* plane =
            data_ +
            (((band.image + image) * channels_ + channel + i) * layout_.height + band.first) *
                width;
        if (layout_.row == width) {
          to = std::copy_n(plane, band.rows * width, to);
          continue;
        }
        for (std::int64_t row = 0; row < band.rows; ++row, to += layout_.row) {
          std::copy_n(plane + row * width, width, to);  // what is right of it stays zero
        }
      }
      std::fill(to, buffer_.data() + i * stride_ + band.positions, 0.0F);
    }
    return rows();
  }

  /// Of the last `fill`.
  kernels::Rows rows() const { return {rows_.data(), rows_.size()}; }

 private:
  const Layout& layout_;
  const float* data_;
  std::int64_t channels_, stride_;
  std::vector<float> buffer_;
  std::vector<const float*> rows_;
};

/// All bands of some images.
std::vector<Band> bands_of(const Layout& layout, std::int64_t images) {
  std::vector<Band> bands;
  const std::int64_t together = layout.images_per_band(images);
  for (std::int64_t image = 0; image < images; image += together) {
    for (std::int64_t first = 0; first < layout.height; first += layout.rows_per_band()) {
      const std::int64_t count = std::min(together, images - image);
      const std::int64_t rows = std::min(layout.rows_per_band(), layout.height - first);
      bands.push_back({image, count, first, rows, rounded(count * rows * layout.row)});
    }
  }
  return bands;
}

/// Calls visit(first, count) for all channels, at most `most` at a time.
template <typename Visit>
void in_blocks(std::int64_t channels, std::int64_t most, Visit&& visit) {
  for (std::int64_t first = 0; first < channels; first += most) {
    visit(first, std::min(most, channels - first));
  }
}

}  // namespace

LowRankGradients low_rank_gradients(const Sources& x,
                                    const at::Tensor& dy,
                                    const at::Tensor& extractor,
                                    const at::Tensor& mapper,
                                    const Conv2dOptions& geometry) {
  const std::int64_t rank = extractor.size(0), inputs = extractor.size(1), outputs = dy.size(1);
  const Layout layout(geometry, x[0].sum[0].map.sizes(), dy.sizes());
  const std::int64_t taps = layout.taps();
  const at::Tensor a = extractor.view({rank, -1}).t().contiguous();  // [Cin k k, r]
  const at::Tensor b = mapper.contiguous();                          // [Cout, r]
  LowRankGradients all{.extractor = at::zeros_like(extractor, at::MemoryFormat::Contiguous),
                       .mapper = at::zeros({rank, outputs}, mapper.options())};
  MapReader reader(x, layout.in_height * layout.in_width);
  InputWindow input(layout, dy.size(0));
  OutputWindow output(layout, dy);
  std::vector<float> low, low_gradient;  // A x, B^T dy: [r, positions]
  for (const Band& band : bands_of(layout, dy.size(0))) {
    const std::size_t positions = size(band.positions);
    low.resize(size(rank) * positions);
    low_gradient.resize(size(rank) * positions);
    in_blocks(outputs, kOutputChannels, [&](std::int64_t channel, std::int64_t count) {
      kernels::product(output.fill(band, channel, count), b.data_ptr<float>() + channel * rank,
                       size(rank), positions, channel == 0 ? nullptr : low_gradient.data(),
                       low_gradient.data());
    });
    in_blocks(inputs, layout.input_channels(), [&](std::int64_t channel, std::int64_t count) {
      const kernels::Rows columns = input.fill(reader, band, channel, count);
      kernels::product(columns, a.data_ptr<float>() + channel * taps * rank, size(rank), positions,
                       channel == 0 ? nullptr : low.data(), low.data());
      kernels::add_correlation(low_gradient.data(), size(rank), columns, positions,
                               all.extractor.data_ptr<float>() + channel * taps,
                               size(inputs * taps));
    });
    in_blocks(outputs, kOutputChannels, [&](std::int64_t channel, std::int64_t count) {
      const bool filled = outputs <= kOutputChannels;
      kernels::add_correlation(low.data(), size(rank),
                               filled ? output.rows() : output.fill(band, channel, count),
                               positions, all.mapper.data_ptr<float>() + channel, size(outputs));
    });
  }
  all.mapper = all.mapper.t();
  return all;
}

}  // namespace lorae::adapters
