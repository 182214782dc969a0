#pragma once

#include "codec/selection.h"

namespace lorae::codec {

/// Each round one of n groups of neighbouring layers, about equally large; all are sent in n rounds.
/// All clients of a round send the same group, so that its mean is one over all of them.
/// Source: round-robin segments, EcoLoRA (arXiv:2506.02001), section 4.1; there each client has its
///         own.
class Segments final : public Selection {
 public:
  /// Precondition: a whole number >= 1.
  explicit Segments(double count) : count_(static_cast<std::uint64_t>(count)) {}

  bool sends(std::span<const std::size_t> sizes,
             std::size_t index,
             std::uint64_t round) const override {
    std::uint64_t before = 0, all = 0;  // twice the values up to the middle of the layer; of all
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      before += i < index ? 2 * sizes[i] : i == index ? sizes[i] : 0;
      all += 2 * sizes[i];
    }
    return all == 0 || before * count_ / all == round % count_;
  }

 private:
  std::uint64_t count_;
};

}  // namespace lorae::codec
