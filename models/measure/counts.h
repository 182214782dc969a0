#pragma once

#include "models/model.h"

namespace lorae::models {

/// A convolution or linear layer in numbers.
struct LayerCount {
  adapters::LayerShape shape;
  std::int64_t parameters = 0;  ///< weight and bias
  std::int64_t rank = 0;        ///< of its adapter; 0 where none is attached
  std::int64_t adapter = 0;     ///< parameters of extractor and mapper
};

struct ModelCounts {
  std::int64_t total = 0;    ///< parameters of the plain model, as the reference counts them
  std::int64_t adapter = 0;  ///< extractors and mappers
  std::int64_t head = 0;     ///< trained in full: a classifier's last layer
  std::vector<LayerCount> layers = {};

  std::int64_t trainable() const { return adapter + head; }
};

/// Counts with the adapters that the options would attach; nothing is attached.
/// Formula: an adapter has rank * (Cin k^2 + Cout) numbers.
/// Errors: kInvalidConfig if the options fit no layer.
ModelCounts count(const Model& model, const adapters::LoraeOptions& options);

/// The paper's "Upd. Params": adapters alone, and for YOLO11 also whole weights that its authors
/// counted: depthwise convolutions, and base weights inside the attention blocks (of classifiers,
/// the projection only).
std::int64_t paper_updated_parameters(const ModelCounts& counts, const std::string& model);

}  // namespace lorae::models
