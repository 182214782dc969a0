#pragma once

#include <cstddef>
#include <vector>

namespace lorae::codec {

/// The inner products of k vectors of the same length, added up piece by piece; in double, in an
/// order that is the same everywhere.
class Gram {
 public:
  static constexpr std::size_t kPiece = 128;  ///< numbers of each vector in a piece

  explicit Gram(std::size_t vectors)
      : vectors_(vectors), piece_(vectors * kPiece), sums_(vectors * vectors) {}

  /// The next piece of a vector, to be filled; zeros are left where nothing is filled.
  double* piece(std::size_t vector) { return piece_.data() + vector * kPiece; }

  /// Adds the piece, and begins another one.
  void add();

  /// Sum of all products of both' elements: the square of |L R|, if these are the Gram matrices of
  /// the columns of L and of the rows of R. Precondition: as many vectors.
  double dot(const Gram& other) const;

 private:
  std::size_t vectors_;
  std::vector<double> piece_, sums_;  // sums_: of the lower triangle
};

}  // namespace lorae::codec
