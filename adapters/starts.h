#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/seed.h"

// What adapters and layers start from. Float32, by counter from a seed, in double, without a
// function of the C library but sqrt and in one order of sums: the same bits on every machine.
namespace lorae::adapters {

/// Values uniform in [-bound, bound) from `seed`, one Philox draw per element in row-major order.
at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, Seed seed);

/// Rows of length 1, orthogonal to each other; where there are more rows than numbers in one, each
/// block of so many is. Gram-Schmidt in double on uniform draws: no libm, so the same everywhere.
/// Shape: [rows, ...]; a row is everything behind the first axis.
at::Tensor orthonormal_tensor(const std::vector<std::int64_t>& shape, Seed seed);

/// Rows of length 1, orthogonal to each other, that span what a matrix does most with: its leading
/// right singular vectors, the first the strongest, as far as a few passes tell them apart. Behind
/// the rank of a matrix, and where it is zero, as orthonormal_tensor.
/// Formula: Q = orthonormalised rows of Q W^T W, twelve times, from a drawn Q. Source: orthogonal
/// iteration, Golub & Van Loan, Matrix Computations, section 8.2.4.
/// Shape: matrices [G, m, n] of any floating type in, [G, rank, n] out.
at::Tensor principal_tensor(const at::Tensor& matrices, std::int64_t rank, Seed seed);

}  // namespace lorae::adapters
