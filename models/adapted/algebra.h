#pragma once

#include <string>
#include <utility>
#include <vector>

#include "adapters/adapter_file.h"
#include "models/model.h"

namespace lorae::models {

/// A truncated singular value decomposition of the difference of two models.
struct Extraction {
  struct Layer {
    std::string name;
    std::int64_t rank = 0;
    double error =
        0;  ///< Frobenius norm of what is left out over that of the difference; 0 if none
  };
  adapters::Adapter adapter;
  std::vector<Layer> layers;
  std::vector<std::string> not_held;  ///< tensors that differ and that such an adapter cannot hold
};

/// The adapter that brings `base` nearest to `tuned` at the ranks that `options` give.
/// Formula: U S V^T of tuned - base per layer and group; B = U sqrt(S) / sqrt(scaling),
/// A = sqrt(S) V^T / sqrt(scaling).
/// Errors: kIncompatible if they are not of one architecture.
Extraction extract_adapter(const Model& base,
                           const Model& tuned,
                           const adapters::LoraeOptions& options);

/// One adapter that acts as a weighted sum of several; its ranks are the sums of theirs.
/// Errors: kIncompatible if they are of different backbones, or hold whole tensors and the weights
/// do not sum to 1.
adapters::Adapter sum_of_adapters(
    const std::vector<std::pair<const adapters::Adapter*, double>>& parts);

}  // namespace lorae::models
