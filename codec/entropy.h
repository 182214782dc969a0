#pragma once

#include "codec/coder.h"

namespace lorae::codec {

/// Measures layers instead of coding them: order-0 entropy, see Chain::entropy_bits.
class EntropyMeter final : public Encoding {
 public:
  void add(ByteView bytes, std::span<const Segment> segments) override;
  std::vector<std::size_t> finish(Bytes& /*payload*/) override { return {}; }

  double bits() const { return bits_; }

 private:
  double bits_ = 0;
};

}  // namespace lorae::codec
