#pragma once

#include "codec/selection.h"

namespace lorae::codec {

/// Of each tensor, the changes of largest magnitude.
///
/// Formula: ceil(density * n) of n; of equal magnitudes those that come first.
/// Source: sparsification with memory, Stich et al. 2018 (arXiv:1809.07599); the memory of what was
///         not sent is the caller's (Chain::lost).
class TopK final : public Selection {
 public:
  /// Precondition: 0 < density <= 1.
  explicit TopK(double density) : density_(density) {}

  void thin_(std::span<float> changes) const override;

 private:
  double density_;
};

}  // namespace lorae::codec
