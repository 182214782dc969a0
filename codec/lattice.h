#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"
#include "codec/block.h"
#include "codec/chain.h"
#include "codec/layout.h"

// Global states whose differences are exact and few bits. Each tensor has a grid, a power of two
// that is fixed at the start of a run; every state is made of multiples of it, below 2^23 of them,
// so float32 holds states and their differences, and sums of both, without rounding. A round moves
// a tensor by multiples of a step, a power of two of the size of what moved; what that leaves out
// is the server's to keep.
namespace lorae::codec {

/// The state nearest to `state` on the grid that goes with it: 2^-20 of the power of two above a
/// tensor's largest value; of a tensor of zeros 2^-22; of a vector at least 2^-18, for biases may
/// end far from where they start.
Blocks on_grid(Blocks state);

class Lattice {
 public:
  /// `start`: on its grid. `relative`: of a step to the root mean square of what is to move.
  Lattice(const Blocks& start, double relative);

  /// What `state` becomes: `wanted` as near as steps come to it, `finer` times shorter ones. What
  /// is wanted beyond the range of the grid stops before its end, and what is no number where it
  /// is. Formula: step = 2^round(log2(relative / finer * rms(wanted - state))), `wanted` within the
  /// range, at least the grid; state + step round-half-even((wanted - state) / step).
  /// Precondition: `state` is of this lattice.
  Blocks next(const Blocks& state, const Blocks& wanted, double finer = 1) const;

  /// What of `wanted` a step to `next` leaves for later ones: 0 where none ever leads there.
  /// Formula: wanted - next.
  Blocks left(const Blocks& wanted, const Blocks& next) const;

 private:
  double end_of(std::size_t block) const;

  double relative_;
  std::vector<double> grids_;
};

/// `to` - `from` of one lattice, as bytes. Each tensor's numbers are multiples of the largest power
/// of two that divides them all, in planes of seven bits, coded by `range` (docs/wire_format.md).
/// Errors: kInvalidArgument for values that are no multiples of a power of two in 28 bits, signs
/// included.
Encoded encode_difference(const Blocks& from, const Blocks& to);

/// The difference. Errors (returned): kCorruptData for bytes that `encode_difference` cannot have
/// made of blocks of `layout`, and for values that are not finite.
Result<Blocks> decode_difference(ByteView payload, const Layout& layout);

/// Of all values in their order, as they lie in memory.
Digest digest_of(const Blocks& blocks);

/// a + b, value by value. Errors: kInvalidArgument unless both have blocks of the same sizes.
Blocks sum(const Blocks& a, const Blocks& b);

}  // namespace lorae::codec
