#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/seed.h"

namespace lorae::models {

enum class TensorKind {
  kParameter,
  kConstant,  ///< counted as a parameter by the reference, but never trained
  kBuffer,    ///< a statistic, a counter, a frozen norm
};

/// A tensor of a layer, under its name there ("weight").
struct OwnTensor {
  std::string name;
  at::Tensor* value = nullptr;
  TensorKind kind = TensorKind::kParameter;
};

/// A named part of a network: tensors of its own, then parts, in the order of the reference's
/// state dict. A part's name may hold dots ("downsample.0"), or be empty: then its tensors are
/// named as if they were the whole's. Threads: none; one instance per thread.
class Layer {
 public:
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  virtual std::vector<OwnTensor> tensors() { return {}; }
  /// True in a pass of training (see Model::set_training), false in inference: for layers that do
  /// otherwise then. It has nothing to do with gradients.
  bool training = false;
  /// Where a layer that draws in such a pass draws from, alone.
  Seed noise = {};

  /// Fills this layer's own tensors, after its parts have filled theirs; without it they hold
  /// anything. `name`: the full one.
  virtual void initialise(const std::string& /*name*/, Seed /*seed*/) {}

  const std::vector<std::pair<std::string, std::unique_ptr<Layer>>>& parts() const {
    return parts_;
  }

 protected:
  Layer() = default;

  template <typename Part, typename... Arguments>
  Part& add(std::string name, Arguments&&... arguments) {
    return adopt(std::move(name), std::make_unique<Part>(std::forward<Arguments>(arguments)...));
  }

  template <typename Part>
  Part& adopt(std::string name, std::unique_ptr<Part> part) {
    Part& added = *part;
    parts_.emplace_back(std::move(name), std::move(part));
    return added;
  }

 private:
  std::vector<std::pair<std::string, std::unique_ptr<Layer>>> parts_;
};

/// A layer from one tensor to one.
class Block : public Layer {
 public:
  /// Shape: [N, C, H, W] in and, unless a block says otherwise, out.
  virtual at::Tensor forward(const at::Tensor& x) = 0;
};

/// "a.b" for a part b of a.
std::string joined_name(const std::string& whole, const std::string& part);

/// Calls visit(full name, layer) for `layer` and everything in it, in state-dict order.
template <typename Visit>
void walk(Layer& layer, const std::string& name, Visit&& visit) {
  visit(name, layer);
  for (const auto& [part_name, part] : layer.parts()) {
    walk(*part, joined_name(name, part_name), visit);
  }
}

/// Draws all weights of a tree, each from a stream that its full name chooses.
void initialise(Layer& layer, const std::string& name, Seed seed);

}  // namespace lorae::models
