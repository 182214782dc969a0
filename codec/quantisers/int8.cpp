#include "codec/quantisers/int8.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace lorae::codec {
namespace {

constexpr float kSteps = 127.0F;
constexpr float kLargest = std::numeric_limits<float>::max();

/// How the values of a block share scales: a run of neighbours for each scale in turn, and again.
/// A block with one scale is one run; the columns of a matrix make runs of one value.
struct Rows {
  std::size_t count = 1;
  std::size_t run = 1;

  Rows(const BlockShape& block, ScalePer scale_per) {
    if (scale_per == ScalePer::kTensor || block.row_axis < 0) {
      run = block.numel();
      return;
    }
    const auto axis = static_cast<std::size_t>(block.row_axis);
    count = static_cast<std::size_t>(block.shape[axis]);
    for (std::size_t i = axis + 1; i < block.shape.size(); ++i) {
      run *= static_cast<std::size_t>(block.shape[i]);
    }
  }

  /// Short runs are no work for vector instructions: there, several turns make a stretch, in which
  /// each value has a number of its own.
  std::size_t stretch() const {
    const std::size_t turn = count * run;
    return count == 1 || run >= 32 || turn == 0 ? 0 : turn * (512 / turn + 1);
  }

  /// For each value of a stretch what `of_rows` has for its row.
  std::vector<float> spread(const std::vector<float>& of_rows) const {
    std::vector<float> spread(stretch());
    for (std::size_t i = 0; i < spread.size(); ++i) {
      spread[i] = of_rows[i / run % count];
    }
    return spread;
  }

  /// Calls by_run(begin, size, row) or, where runs are short, by_stretch(begin, size).
  template <typename ByRun, typename ByStretch>
  void walk(std::size_t values, ByRun by_run, ByStretch by_stretch) const {
    if (const std::size_t most = stretch(); most > 0) {
      for (std::size_t begin = 0; begin < values; begin += most) {
        by_stretch(begin, std::min(most, values - begin));
      }
      return;
    }
    for (std::size_t begin = 0, row = 0; begin < values; begin += run) {
      by_run(begin, run, row);
      row = row + 1 == count ? 0 : row + 1;
    }
  }
};

// The loops, each without a branch. Numbers are compared by their bits: the order of floats without
// a sign is that of their patterns, with infinity and then NaN at the end.

std::int32_t magnitude_bits(float value) {
  return std::bit_cast<std::int32_t>(value) & 0x7fffffff;
}

std::int32_t largest_of(const float* values, std::size_t size) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    largest = std::max(largest, magnitude_bits(values[i]));
  }
  return largest;
}

void keep_largest(const float* values, std::size_t size, std::int32_t* largest) {
  for (std::size_t i = 0; i < size; ++i) {
    largest[i] = std::max(largest[i], magnitude_bits(values[i]));
  }
}

/// Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the lowest bits. A value
/// is 127 scales and a rounding error at most, so it fits.
std::int8_t step_of(float quotient) {
  return static_cast<std::int8_t>(std::bit_cast<std::int32_t>(quotient + 12582912.0F));
}

void quantise(const float* values, std::size_t size, float divisor, std::int8_t* steps) {
  for (std::size_t i = 0; i < size; ++i) {
    steps[i] = step_of(values[i] / divisor);
  }
}

void quantise(const float* values, std::size_t size, const float* divisors, std::int8_t* steps) {
  for (std::size_t i = 0; i < size; ++i) {
    steps[i] = step_of(values[i] / divisors[i]);
  }
}

void dequantise(const std::int8_t* steps, std::size_t size, float factor, float* values) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = factor * static_cast<float>(steps[i]);
  }
}

void dequantise(const std::int8_t* steps, std::size_t size, const float* factors, float* values) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = factors[i] * static_cast<float>(steps[i]);
  }
}

/// The largest magnitude of each row.
std::vector<float> magnitudes_of(const BlockView& block, const Rows& rows) {
  const float* values = block.values.data();
  std::vector<std::int32_t> largest(rows.count), stretch(rows.stretch());
  rows.walk(
      block.values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        largest[row] = std::max(largest[row], largest_of(values + begin, size));
      },
      [&](std::size_t begin, std::size_t size) {
        keep_largest(values + begin, size, stretch.data());
      });
  for (std::size_t i = 0; i < stretch.size(); ++i) {
    std::int32_t& of_row = largest[i / rows.run % rows.count];
    of_row = std::max(of_row, stretch[i]);
  }
  std::vector<float> magnitudes(rows.count);
  std::transform(largest.begin(), largest.end(), magnitudes.begin(),
                 [](std::int32_t bits) { return std::bit_cast<float>(bits); });
  return magnitudes;
}

std::vector<float> scales_of(const BlockView& block, const Rows& rows) {
  std::vector<float> scales = magnitudes_of(block, rows);
  for (float& scale : scales) {
    if (!(scale <= kLargest)) {
      const auto bad = std::find_if_not(block.values.begin(), block.values.end(),
                                        [](float x) { return std::fabs(x) <= kLargest; });
      fail(ErrorCode::kInvalidArgument, "[int8] '", block.shape.name, "': an element is ", *bad,
           "; did local training diverge? lower the learning rate");
    }
    scale /= kSteps;
    if (scale * kSteps > kLargest) {
      scale = std::nextafter(scale, 0.0F);  // rounded up: the largest step would overflow
    }
  }
  return scales;
}

}  // namespace

std::size_t Int8::size(const BlockShape& block) const {
  return Rows(block, scale_per).count * sizeof(float) + block.numel();
}

void Int8::encode(const BlockView& block, Bytes& to) const {
  const Rows rows(block.shape, scale_per);
  std::vector<float> scales = scales_of(block, rows);
  append(to, bytes_of(std::span<const float>(scales)));
  for (float& scale : scales) {
    // A scale below the smallest normal number would make the quotient overflow: all zero then.
    scale =
        scale >= std::numeric_limits<float>::min() ? scale : std::numeric_limits<float>::infinity();
  }
  const std::vector<float> spread = rows.spread(scales);
  const std::size_t header = to.size();
  to.resize(header + block.values.size());
  auto* steps = reinterpret_cast<std::int8_t*>(to.data() + header);
  const float* values = block.values.data();
  rows.walk(
      block.values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        quantise(values + begin, size, scales[row], steps + begin);
      },
      [&](std::size_t begin, std::size_t size) {
        quantise(values + begin, size, spread.data(), steps + begin);
      });
}

Result<bool> Int8::decode(ByteView bytes, Block& block) const {
  const Rows rows(block, scale_per);
  const std::size_t header = rows.count * sizeof(float);
  if (bytes.size() != header + block.values.size()) {
    return Error(ErrorCode::kCorruptData,
                 str("[int8] '", block.name, "': expected ", header + block.values.size(),
                     " bytes, got ", bytes.size()));
  }
  std::vector<float> scales(rows.count);
  if (header > 0) {  // memcpy takes no null pointers, even for no bytes
    std::memcpy(scales.data(), bytes.data(), header);
  }
  for (const float scale : scales) {
    if (!(scale >= 0.0F && scale * kSteps <= kLargest)) {
      return Error(ErrorCode::kCorruptData,
                   str("[int8] '", block.name, "': the scale ", scale, " is not finite"));
    }
  }
  const std::vector<float> spread = rows.spread(scales);
  const auto* steps = reinterpret_cast<const std::int8_t*>(bytes.data() + header);
  float* values = block.values.data();
  rows.walk(
      block.values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        dequantise(steps + begin, size, scales[row], values + begin);
      },
      [&](std::size_t begin, std::size_t size) {
        dequantise(steps + begin, size, spread.data(), values + begin);
      });
  return true;
}

}  // namespace lorae::codec
