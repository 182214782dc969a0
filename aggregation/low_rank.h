#pragma once

#include <ATen/core/Tensor.h>

namespace lorae::aggregation {

/// Matrices as products of thin factors, which are never multiplied out: with k columns and rows in
/// all, everything here costs O(k^2 (m + n)) instead of O(k m n).
/// Shapes: left [G, m, k], right [G, k, n], float64: G matrices m x n of rank k at most.
struct LowRank {
  at::Tensor left, right;
};

/// Their sum: factors side by side. Shape: of equal G, m and n.
LowRank sum(const LowRank& a, const LowRank& b);
LowRank scaled(const LowRank& a, double factor);
/// Of each product the part that the columns and rows from `first` to before `end`, at most k,
/// make.
LowRank components(const LowRank& a, std::int64_t first, std::int64_t end);

/// Formula: ||L R||_F^2 = sum of (L^T L) o (R R^T), over all G. Never below 0.
double squared_norm(const LowRank& a);

/// The nearest matrices of rank `rank`, split evenly: `left` = U sqrt(S), `right` = sqrt(S) V^T; of
/// a smaller rank filled up with zeros.
/// Formula: QR of left and of right^T, SVD of the k x k core. Source: Eckart & Young 1936; as
/// FlexLoRA (Bai et al. 2024, arXiv:2402.11505) and FLoRIST (arXiv:2506.09199) use it.
LowRank truncated(const LowRank& a, std::int64_t rank);

/// The same matrices, with factors turned to be as near to those of `like` as they can be; whoever
/// goes on from `like`, with a momentum or with means of factors, goes on in its gauge. Ranks
/// equal. Formula: R of the polar decomposition of like.right a.right^T + like.left^T a.left; left
/// R^T, R right. Source: orthogonal Procrustes, Schönemann 1966.
LowRank turned(const LowRank& a, const LowRank& like);

}  // namespace lorae::aggregation
