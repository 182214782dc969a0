#include "ops/conv/windows.h"

#include <algorithm>

#include "tensors/torch.h"

namespace lorae::ops {
namespace {

using kernels::size;

constexpr auto kBlock = static_cast<std::int64_t>(kernels::kBlock);
constexpr std::int64_t kColumns = 81;  // input channels * taps at a time, about

// Positions of a band, about: its buffers stay in the second cache. 63 lines of a cache, not 64:
// rows one behind the other must not fall on the same few of its sets.
constexpr std::int64_t kBandPositions = 1008;

std::int64_t rounded(std::int64_t positions) {
  return (positions + kBlock - 1) / kBlock * kBlock;
}

/// From one row of a buffer to the next: an odd number of lines of a cache.
std::int64_t spread(std::int64_t positions) {
  return (rounded(positions) / kBlock | 1) * kBlock;
}

}  // namespace

Layout::Layout(const Conv2dOptions& o, at::IntArrayRef x, at::IntArrayRef y)
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

std::int64_t Layout::input_channels() const {
  return std::max<std::int64_t>(1, kColumns / taps());
}

std::int64_t Layout::rows_per_band() const {
  return std::clamp<std::int64_t>(kBandPositions / row, 1, height);
}

bool Layout::fills_blocks() const {
  return is_flat() && row == kBlock;
}

std::int64_t Layout::images_per_band(std::int64_t images) const {
  const bool alone =
      rows_per_band() < height || (fills_blocks() && height * width >= kBandPositions / 4);
  return alone ? 1 : std::clamp<std::int64_t>(kBandPositions / image_pitch(), 1, images);
}

std::int64_t Layout::most_positions(std::int64_t images) const {
  const std::int64_t together = images_per_band(images);
  return rounded(together > 1 ? together * image_pitch() : rows_per_band() * row);
}

std::int64_t Layout::phase_index(std::int64_t tap) const {
  return std::ranges::find(phases, tap * dilation % stride) - phases.begin();
}

std::vector<Band> bands_of(const Layout& layout, std::int64_t images) {
  std::vector<Band> bands;
  const std::int64_t together = layout.images_per_band(images);
  for (std::int64_t image = 0; image < images; image += together) {
    for (std::int64_t first = 0; first < layout.height; first += layout.rows_per_band()) {
      const std::int64_t count = std::min(together, images - image);
      const std::int64_t rows = std::min(layout.rows_per_band(), layout.height - first);
      const std::int64_t positions = count > 1 ? count * layout.image_pitch() : rows * layout.row;
      bands.push_back({image, count, first, rows, rounded(positions)});
    }
  }
  return bands;
}

MapReader::MapReader(const Sources& sources, std::int64_t plane) : plane_(plane) {
  for (const Source& source : sources) {
    const at::Tensor& map = unchanged_map(source);
    sources_.push_back({.data = map.data_ptr<float>() + source.first * plane,
                        .channels = source.channels,
                        .per_image = map.size(1) * plane,
                        .silu = source.silu});
  }
}

const float* MapReader::read(std::int64_t image,
                             std::int64_t channel,
                             std::int64_t from,
                             std::int64_t count,
                             float* made) const {
  auto source = sources_.begin();
  for (; channel >= source->channels; ++source) {
    channel -= source->channels;
  }
  const float* values = source->data + image * source->per_image + channel * plane_ + from;
  if (!source->silu) {
    return values;
  }
  kernels::silu(values, made, size(count));
  return made;
}

InputWindow::InputWindow(const Layout& layout, std::int64_t images)
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

kernels::Rows InputWindow::fill(const MapReader& map,
                                const Band& band,
                                std::int64_t channel,
                                std::int64_t count) {
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
    for (std::int64_t image = 0; image < band.images; ++image) {
      float* to = buffer_.data() + i * channel_size_ + image * layout_.image_pitch();
      const float* plane = map.read(band.image + image, channel + i, low * layout_.in_width,
                                    (high - low) * layout_.in_width, made_.data());
      for (const std::int64_t y : layout_.phases) {
        for (const std::int64_t x : layout_.phases) {
          fill_phase(plane, low, high, top + y, x, rows, to);
          to += phase_size_;
        }
      }
    }
  }
  return {rows_.data(), size(count * layout_.taps())};
}

kernels::Rows InputWindow::fill_flat(const MapReader& map,
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
void InputWindow::fill_phase(const float* plane,
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
  const std::int64_t end = std::clamp((l.in_width - shift + l.stride - 1) / l.stride, begin, l.row);
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

OutputWindow::OutputWindow(const Layout& layout, const at::Tensor& dy)
    : layout_(layout),
      data_(dy.data_ptr<float>()),
      channels_(dy.size(1)),
      stride_(spread(layout.most_positions(dy.size(0)))),
      buffer_(size(kChannels * stride_)) {}

kernels::Rows OutputWindow::fill(const Band& band, std::int64_t channel, std::int64_t count) {
  rows_.clear();
  const std::int64_t width = layout_.width;
  for (std::int64_t i = 0; i < count; ++i) {
    float* to = buffer_.data() + i * stride_;
    rows_.push_back(to);
    for (std::int64_t image = 0; image < band.images; ++image) {
      const float* plane =
          data_ +
          (((band.image + image) * channels_ + channel + i) * layout_.height + band.first) * width;
      if (layout_.row == width) {
        to = std::copy_n(plane, band.rows * width, to);
        continue;
      }
      for (std::int64_t row = 0; row < band.rows; ++row, to += layout_.row) {
        std::copy_n(plane + row * width, width, to);  // what is right of it stays zero
      }
      if (image + 1 < band.images) {
        to = std::fill_n(to, layout_.reach * layout_.row, 0.0F);
      }
    }
    std::fill(to, buffer_.data() + i * stride_ + band.positions, 0.0F);
  }
  return rows();
}

}  // namespace lorae::ops
