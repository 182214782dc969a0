#pragma once

#include <functional>
#include <string>
#include <vector>

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
  /// The layers whose outputs are the network's: another set of classes needs them anew.
  virtual std::vector<std::string> head() const = 0;
  /// Those with all that leads to them alone: of a detector, the branches of its head.
  virtual std::vector<std::string> branches() const { return head(); }

  Seed noise = {};  ///< of what is random in a forward pass of training

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
