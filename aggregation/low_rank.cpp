#include "aggregation/low_rank.h"

#include <algorithm>

#include "tensors/torch.h"

namespace lorae::aggregation {
namespace {

/// `t` with zeros behind its end along `dimension`, so that it is `size` long there.
at::Tensor filled(const at::Tensor& t, std::int64_t dimension, std::int64_t size) {
  if (t.size(dimension) >= size) {
    return t;
  }
  auto shape = t.sizes().vec();
  shape[static_cast<std::size_t>(dimension)] = size - t.size(dimension);
  return at::cat({t, torch::zeros(shape, t.options())}, dimension);
}

}  // namespace

LowRank sum(const LowRank& a, const LowRank& b) {
  return {at::cat({a.left, b.left}, 2), at::cat({a.right, b.right}, 1)};
}

LowRank scaled(const LowRank& a, double factor) {
  return {a.left * factor, a.right};
}

LowRank components(const LowRank& a, std::int64_t first, std::int64_t end) {
  return {a.left.slice(2, first, end), a.right.slice(1, first, end)};
}

double squared_norm(const LowRank& a) {
  const at::Tensor gram = at::bmm(a.left.mT(), a.left) * at::bmm(a.right, a.right.mT());
  return std::max(gram.sum().item<double>(), 0.0);
}

LowRank truncated(const LowRank& a, std::int64_t rank) {
  const auto [q, r] = at::linalg_qr(a.left);
  const auto [p, s] = at::linalg_qr(a.right.mT());
  const auto [u, values, v] = at::linalg_svd(at::bmm(r, s.mT()), /*full_matrices=*/false);
  const std::int64_t kept = std::min(rank, values.size(1));
  const at::Tensor root = values.slice(1, 0, kept).sqrt().unsqueeze(1);
  const at::Tensor left = at::bmm(q, u.slice(2, 0, kept)) * root;
  const at::Tensor right = root.mT() * at::bmm(v.slice(1, 0, kept), p.mT());
  return {filled(left, 2, rank), filled(right, 1, rank)};
}

LowRank turned(const LowRank& a, const LowRank& like) {
  const at::Tensor overlap = at::bmm(like.right, a.right.mT()) + at::bmm(like.left.mT(), a.left);
  const auto [u, values, v] = at::linalg_svd(overlap, /*full_matrices=*/false);
  const at::Tensor turn = at::bmm(u, v);
  return {at::bmm(a.left, turn.mT()), at::bmm(turn, a.right)};
}

}  // namespace lorae::aggregation
