#pragma once

#include <functional>

#include "models/layers/layers.h"

namespace lorae::models {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
  TensorKind kind = TensorKind::kParameter;
};

struct Output {
  std::string name;  ///< "logits", "softmax", "decoded", "proto", "raw_P3" ...
  at::Tensor value;
};

/// The root of a layer tree: one architecture.
class Network : public Block {
 public:
  /// What inference gives, the main result first. A classifier: its logits.
  virtual std::vector<Output> predict(const at::Tensor& images) {
    return {{"logits", forward(images)}};
  }
  /// The layer whose outputs are a classifier's classes; empty if there is none such.
  virtual std::string head() const { return {}; }

  /// Sees what named layers give, in forward order, if set.
  std::function<void(const std::string& layer, const at::Tensor& value)> observer;

 protected:
  const at::Tensor& seen(const std::string& layer, const at::Tensor& value) const {
    if (observer) {
      observer(layer, value);
    }
    return value;
  }
};

}  // namespace lorae::models
