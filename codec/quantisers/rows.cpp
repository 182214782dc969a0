#include "codec/quantisers/rows.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace lorae::codec {
namespace {

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

/// In eight sums, so that vectors of any width add the same numbers in the same order.
double squares(const float* values, std::size_t size) {
  constexpr std::size_t kLanes = 8;
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<double>(values[i + lane]);
      sums[lane] += value * value;
    }
  }
  double sum = 0;
  for (; i < size; ++i) {
    const auto value = static_cast<double>(values[i]);
    sum += value * value;
  }
  for (const double lane : sums) {
    sum += lane;
  }
  return sum;
}

void add_squares(const float* values, std::size_t size, double* sums) {
  for (std::size_t i = 0; i < size; ++i) {
    const auto value = static_cast<double>(values[i]);
    sums[i] += value * value;
  }
}

/// Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the lowest bits.
std::int8_t step_of(float quotient) {
  return static_cast<std::int8_t>(std::bit_cast<std::int32_t>(quotient + 12582912.0F));
}

void quantise_run(const float* values, std::size_t size, float divisor, std::int8_t* steps) {
  for (std::size_t i = 0; i < size; ++i) {
    steps[i] = step_of(values[i] / divisor);
  }
}

void quantise_run(const float* values,
                  std::size_t size,
                  const float* divisors,
                  std::int8_t* steps) {
  for (std::size_t i = 0; i < size; ++i) {
    steps[i] = step_of(values[i] / divisors[i]);
  }
}

void dequantise_run(const std::int8_t* steps, std::size_t size, float factor, float* values) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = factor * static_cast<float>(steps[i]);
  }
}

void dequantise_run(const std::int8_t* steps,
                    std::size_t size,
                    const float* factors,
                    float* values) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = factors[i] * static_cast<float>(steps[i]);
  }
}

/// Short runs are no work for vector instructions: there, several turns make a stretch, in which
/// each value has a number of its own.
std::size_t stretch_of(const Rows& rows) {
  const std::size_t turn = rows.count * rows.run;
  return rows.count == 1 || rows.run >= 32 || turn == 0 ? 0 : turn * (512 / turn + 1);
}

/// For each value of a stretch what `of_rows` has for its row.
std::vector<float> spread(const Rows& rows, const std::vector<float>& of_rows) {
  std::vector<float> spread(stretch_of(rows));
  for (std::size_t i = 0; i < spread.size(); ++i) {
    spread[i] = of_rows[i / rows.run % rows.count];
  }
  return spread;
}

/// Calls by_run(begin, size, row) or, where runs are short, by_stretch(begin, size).
template <typename ByRun, typename ByStretch>
void walk(const Rows& rows, std::size_t values, ByRun by_run, ByStretch by_stretch) {
  if (const std::size_t most = stretch_of(rows); most > 0) {
    for (std::size_t begin = 0; begin < values; begin += most) {
      by_stretch(begin, std::min(most, values - begin));
    }
    return;
  }
  for (std::size_t begin = 0, row = 0; begin < values; begin += rows.run) {
    by_run(begin, rows.run, row);
    row = row + 1 == rows.count ? 0 : row + 1;
  }
}

}  // namespace

Rows::Rows(const BlockShape& block, ScalePer scale_per) {
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

std::vector<float> magnitudes_of(std::span<const float> values, const Rows& rows) {
  std::vector<std::int32_t> largest(rows.count), stretch(stretch_of(rows));
  walk(
      rows, values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        largest[row] = std::max(largest[row], largest_of(values.data() + begin, size));
      },
      [&](std::size_t begin, std::size_t size) {
        keep_largest(values.data() + begin, size, stretch.data());
      });
  for (std::size_t i = 0; i < stretch.size(); ++i) {
    std::int32_t& of_row = largest[i / rows.run % rows.count];
    of_row = std::max(of_row, stretch[i]);
  }
  std::vector<float> magnitudes(rows.count);
  std::ranges::transform(largest, magnitudes.begin(),
                         [](std::int32_t bits) { return std::bit_cast<float>(bits); });
  return magnitudes;
}

std::vector<double> squares_of(std::span<const float> values, const Rows& rows) {
  std::vector<double> sums(rows.count), stretch(stretch_of(rows));
  walk(
      rows, values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        sums[row] += squares(values.data() + begin, size);
      },
      [&](std::size_t begin, std::size_t size) {
        add_squares(values.data() + begin, size, stretch.data());
      });
  for (std::size_t i = 0; i < stretch.size(); ++i) {
    sums[i / rows.run % rows.count] += stretch[i];
  }
  return sums;
}

void quantise(std::span<const float> values,
              const Rows& rows,
              std::vector<float> scales,
              std::span<std::int8_t> steps) {
  for (float& scale : scales) {
    // A scale below the smallest normal number would make the quotient overflow: all zero then.
    scale =
        scale >= std::numeric_limits<float>::min() ? scale : std::numeric_limits<float>::infinity();
  }
  const std::vector<float> of_stretch = spread(rows, scales);
  walk(
      rows, values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        quantise_run(values.data() + begin, size, scales[row], steps.data() + begin);
      },
      [&](std::size_t begin, std::size_t size) {
        quantise_run(values.data() + begin, size, of_stretch.data(), steps.data() + begin);
      });
}

void dequantise(std::span<const std::int8_t> steps,
                const Rows& rows,
                const std::vector<float>& scales,
                std::span<float> values) {
  const std::vector<float> of_stretch = spread(rows, scales);
  walk(
      rows, values.size(),
      [&](std::size_t begin, std::size_t size, std::size_t row) {
        dequantise_run(steps.data() + begin, size, scales[row], values.data() + begin);
      },
      [&](std::size_t begin, std::size_t size) {
        dequantise_run(steps.data() + begin, size, of_stretch.data(), values.data() + begin);
      });
}

}  // namespace lorae::codec
