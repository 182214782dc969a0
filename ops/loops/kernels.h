#pragma once

#include <cstddef>
#include <cstdint>

/// The inner loops of training, on plain floats and one thread. A convolution with few filters is
/// two products with a matrix of shifted copies of its input, which is never formed: its rows are
/// pointers ("columns" of im2col, as rows). Vectors run along positions, so that a rank of 8 or 2
/// fills them as well as 64 does.
///
/// Source: the indirection of Dukhan 2019, arXiv 1907.02129; here per tap, not per position.
namespace lorae::ops::kernels {

/// All counts of positions are multiples of this; pad with zeros.
inline constexpr std::size_t kBlock = 16;

/// A count of LibTorch's as these loops take it.
constexpr std::size_t size(std::int64_t count) {
  return static_cast<std::size_t>(count);
}

/// A matrix whose rows lie anywhere. Each has at least as many numbers as the call's `positions`.
struct Rows {
  const float* const* row = nullptr;
  std::size_t count = 0;
  const float* operator[](std::size_t k) const { return row[k]; }
};

/// A matrix whose rows are `pitch` apart.
struct Dense {
  const float* first = nullptr;
  std::size_t pitch = 0, count = 0;
  const float* operator[](std::size_t k) const { return first + k * pitch; }
};

/// Where a product goes: [filters, positions], rows `pitch` apart. Sums begin with `start`, laid
/// out as `first` and maybe the same, else with the filter's bias, or zero if there is none.
struct Sums {
  float* first = nullptr;
  std::size_t pitch = 0;
  const float* start = nullptr;
  const float* bias = nullptr;
};

/// Formula: sums[f][p] = start + sum over k of weights[k][f] * rows[k][p].
/// Shapes: weights [rows.count, filters], contiguous.
void product(
    Rows rows, const float* weights, std::size_t filters, std::size_t positions, Sums sums);
void product(
    Dense rows, const float* weights, std::size_t filters, std::size_t positions, Sums sums);

/// Formula: sums[f][k] += sum over p of a[f][p] * rows[k][p].
/// Shapes: a [filters, positions], contiguous; sums [filters, stride].
void add_correlation(const float* a,
                     std::size_t filters,
                     Rows rows,
                     std::size_t positions,
                     float* sums,
                     std::size_t stride);

/// y = z / (1 + exp(-z)), within 3 units in the last place; NaN stays NaN. May be in place.
void silu(const float* z, float* y, std::size_t count);

/// dz = dy * s * (1 + z * (1 - s)) with s = 1 / (1 + exp(-z)). May be in place.
void silu_gradient(const float* z, const float* dy, float* dz, std::size_t count);

/// out[i] = in[i * stride], i < count.
void gather(const float* in, std::size_t stride, float* out, std::size_t count);

/// Winograd's F(4 x 4, 3 x 3): a tile of 4 x 4 outputs of a 3 x 3 convolution from 6 x 6 inputs, by
/// a product for each of 36 points in place of 9 * 16 products. Tiles are those of one row.
///
/// Source: Lavin and Gray 2015, arXiv 1509.09308.
inline constexpr std::size_t kTile = 4, kPoints = 36;

/// The inputs of a row of tiles, and where they go.
struct WinogradInput {
  const float* const* rows = nullptr;  ///< six, each of `width` numbers
  std::size_t width = 0;
  std::size_t padding = 0;  ///< zeros before each row; after it, as many as are needed
  std::size_t tiles = 0;
  std::size_t room = 0;  ///< up to kBlock - 1 tiles more are written, but no more than these
  /// Six rows of `pitch` numbers, of at least 4 tiles + 8 kBlock, zeros before the first call;
  /// calls of one width may share it.
  float* scratch = nullptr;
  std::size_t pitch = 0;
  float* out = nullptr;
  std::size_t stride = 0;  ///< from one point to the next
};

/// Formula: out[point * stride + tile] = (B^T d B)[point], d: columns 4 tile to 4 tile + 5 of the
/// six rows.
void winograd_input(WinogradInput input);

/// Formula: out[row * width + 4 tile + column] = (A^T m A)[row][column] + bias,
/// m[point] = in[point * stride + tile], for `height` (at most 4) rows of `width` numbers. Reads up
/// to kBlock - 1 tiles more.
void winograd_output(const float* in,
                     std::size_t stride,
                     float bias,
                     float* out,
                     std::size_t height,
                     std::size_t width);

/// Formula: out[point * stride + filter] = (G g G^T)[point], g: the nine taps from
/// filters[filter * pitch] on, the last first if `flipped`; for kBlock filters.
void winograd_filters(
    const float* filters, std::size_t pitch, bool flipped, float* out, std::size_t stride);

}  // namespace lorae::ops::kernels
