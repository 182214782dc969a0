#pragma once

#include <cstddef>
#include <string_view>

/// The inner loops of training an adapter, on plain floats and one thread. A convolution with few
/// filters is two products with a matrix of shifted copies of its input, which is never formed: its
/// rows are pointers ("columns" of im2col, as rows). Vectors run along positions, so that a rank of
/// 8 or 2 fills them as well as 64 does.
/// Source: the indirection of Dukhan 2019, arXiv 1907.02129; here per tap, not per position.
namespace lorae::adapters::kernels {

/// All counts of positions are multiples of this; pad with zeros.
inline constexpr std::size_t kBlock = 16;

/// A matrix whose rows lie anywhere. Each has at least as many numbers as the call's `positions`.
struct Rows {
  const float* const* row = nullptr;
  std::size_t count = 0;
};

/// Formula: out[f][p] = start[f][p] + sum over k of weights[k][f] * rows[k][p].
/// Shapes: weights [rows.count, filters], start and out [filters, positions], all contiguous;
/// `start` may be `out`, or null for zeros.
void product(Rows rows,
             const float* weights,
             std::size_t filters,
             std::size_t positions,
             const float* start,
             float* out);

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

/// sum[i] += term[i], i < count.
void add(const float* term, float* sum, std::size_t count);

/// What these loops were chosen for: "avx512f", "avx2" or "generic".
std::string_view instruction_set();

}  // namespace lorae::adapters::kernels
