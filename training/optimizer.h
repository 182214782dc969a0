#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensors/state_dict.h"
#include "training/schedule.h"

namespace lorae::training {

struct OptimizerOptions {
  std::string name = "sgd";           ///< one of optimizer_names()
  double momentum = 0.9;              ///< SGD
  double beta1 = 0.9, beta2 = 0.999;  ///< Adam, AdamW
  double epsilon = 1e-8;              ///< Adam, AdamW
};

/// Tensors that share a learning rate.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double learning_rate = 0;
  double weight_decay = 0;
  double warm_rate = 0;  ///< at the beginning of a warm-up, where others begin with 0

  double rate(const Pace& pace) const {
    return learning_rate * pace.factor + warm_rate * pace.warm_share;
  }
};

/// Moves parameters by their gradients. A parameter without a gradient stays where it is.
/// Threads: none.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step; each group's learning rate is its `rate` at this pace.
  virtual void step(const Pace& pace) = 0;

  const std::vector<ParameterGroup>& groups() const { return groups_; }
  void zero_gradients() const;
  /// The joint norm of all gradients, a scalar on their device; undefined if there is none.
  at::Tensor gradient_norm() const;
  /// Scales all gradients down until their joint norm, `now`, is at most `norm`.
  void clip_gradients(const at::Tensor& now, double norm) const;
  /// All gradients that there are.
  std::vector<at::Tensor> gradients() const;

  /// Moments and counts, to go on later: copies.
  virtual StateDict state() const = 0;
  /// Errors: kIncompatible for another optimiser's or other parameters' state.
  virtual void restore(const StateDict& state) = 0;

 protected:
  explicit Optimizer(std::vector<ParameterGroup> groups) : groups_(std::move(groups)) {}
  std::vector<ParameterGroup> groups_;
};

/// SGD with heavy-ball momentum: v = momentum v + (g + decay w); w -= rate v.
/// Adam: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate m' / (sqrt(v') + epsilon), with
/// m' and v' freed of their start at 0; decay joins g. AdamW: decay acts on w directly.
/// As torch::optim's, but through multi-tensor kernels: bench/optimizers measures what that saves.
/// Source: Polyak 1964; Kingma and Ba 2015 (arXiv:1412.6980); Loshchilov and Hutter 2019
/// (arXiv:1711.05101).
/// Errors: kInvalidConfig for a name that is none.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<ParameterGroup> groups);

/// The names that make_optimizer knows: docs/adding_an_optimizer.md.
std::vector<std::string_view> optimizer_names();

}  // namespace lorae::training
