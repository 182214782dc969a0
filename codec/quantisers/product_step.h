#pragma once

#include "codec/quantiser.h"
#include "codec/quantisers/rms_step.h"

namespace lorae::codec {

/// Steps that are alike in the product of mapper and extractor, B A, not in the factors: an error of
/// an extractor's row i counts as much as column i of the mapper is long, and the other way round.
///
/// Formula: with g the root mean square of the product's change (B + dB)(A + dA) - B A, [m, n]:
///            step of column i of dB = c g / sqrt(2 r) sqrt(n) / |A_i|
///            step of row i of dA    = c g / sqrt(2 r) sqrt(m) / |(B + dB')_i|, dB' as decoded
///          so that the 2 r errors add up to what rms_step:c would make in the product. A length
///          counts as half the root mean square of all r lengths, if it is shorter. No tensor's
///          steps are more than 2.5 times its own root mean square by their mean, or a factor that
///          meets zeros would never move. As rms_step at least max|x| / 127, and for tensors that
///          are no pair.
/// Layout:  a block: bfloat16 scale (none if there are no values), then one int8 per value,
///          row-major. The scale of a pair's block is its step times the other's length.
/// Both ends compute the lengths: from A and B, which both hold, and dB', which both decode.
/// Source:  d(B A) = dB A + B dA; ours.
class ProductStep final : public Quantiser {
 public:
  explicit ProductStep(double relative) : relative_(relative), alone_{relative} {}

  std::vector<Segment> segments(std::span<const BlockShape> layer) const override;
  void encode(std::span<const BlockView> layer, Random& random, Bytes& to) const override;
  Result<bool> decode(ByteView bytes,
                      std::span<const Block> base,
                      std::span<Block> layer) const override;
  Kind kind() const override { return Kind::kLossyChange; }

 private:
  double relative_;
  RmsStep alone_;
};

}  // namespace lorae::codec
