#pragma once

#include "models/model.h"

namespace lorae::models {

/// A convolution or linear layer in numbers.
struct LayerCount {
  std::string name;
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 0;  ///< 0: linear
  std::int64_t stride = 1, groups = 1;
  std::int64_t parameters = 0;  ///< weight and bias
  std::int64_t adapter = 0;     ///< extractor and mapper; 0 where none is attached
};

struct ModelCounts {
  std::int64_t total = 0;    ///< parameters of the plain model, as the reference counts them
  std::int64_t adapter = 0;  ///< extractors and mappers
  std::int64_t head = 0;     ///< trained in full: a classifier's last layer
  std::vector<LayerCount> layers = {};

  std::int64_t trainable() const { return adapter + head; }
};

/// Counts with adapters of `rank` where the model would attach them; nothing is attached.
/// Formula: an adapter has rank * (Cin k^2 + Cout) numbers.
ModelCounts count(Model& model, std::int64_t rank);

/// The paper's "Upd. Params": adapters alone, and for YOLO11 also whole weights that its authors
/// counted: depthwise convolutions, and base weights inside the attention blocks (of classifiers,
/// the projection only).
std::int64_t paper_updated_parameters(const ModelCounts& counts, const std::string& model);

}  // namespace lorae::models
