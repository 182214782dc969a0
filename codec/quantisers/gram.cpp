#include "codec/quantisers/gram.h"

#include <algorithm>

namespace lorae::codec {
namespace {

double inner(const double* a, const double* b) {
  constexpr std::size_t kLanes = 8;
  double sums[kLanes] = {};
  for (std::size_t i = 0; i < Gram::kPiece; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  double sum = 0;
  for (const double lane : sums) {
    sum += lane;
  }
  return sum;
}

}  // namespace

void Gram::add() {
  for (std::size_t i = 0; i < vectors_; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      sums_[i * vectors_ + j] += inner(piece(i), piece(j));
    }
  }
  std::ranges::fill(piece_, 0.0);
}

double Gram::dot(const Gram& other) const {
  double dot = 0;
  for (std::size_t i = 0; i < vectors_; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double both = sums_[i * vectors_ + j] * other.sums_[i * vectors_ + j];
      dot += i == j ? both : 2 * both;
    }
  }
  return dot;
}

}  // namespace lorae::codec
