#pragma once

#include <ATen/core/Tensor.h>

#include "aggregation/server_optimizer.h"

namespace lorae::aggregation {

/// A server step whose length is chosen number by number, from a second moment of the aggregates.
///
/// Formula: m = beta1 m + (1 - beta1) d; v by the optimiser's own rule, from tau^2 on;
///          global += learning_rate * m / (sqrt(v) + tau). Without bias correction, as published.
/// Source: Reddi et al. 2021, "Adaptive Federated Optimization" (arXiv:2003.00295), algorithm 2.
class Adaptive : public ServerOptimizer {
 public:
  explicit Adaptive(const ServerOptions& options) : options_(options) {}

  void step_(const StateDict& global, const StateDict& pseudo_gradient) final;
  /// Both moments of each tensor: "NAME.first_moment", "NAME.second_moment".
  StateDict state() const final;
  void restore(StateDict state) final;

 protected:
  /// The next second moment. Shape: all float64, alike; `square` is d * d.
  virtual at::Tensor second_moment(const at::Tensor& v, const at::Tensor& square) const = 0;

  const ServerOptions& options() const { return options_; }

 private:
  ServerOptions options_;
  StateDict first_;
  StateDict second_;
};

/// Formula: v = beta2 v + (1 - beta2) d^2.
class Adam final : public Adaptive {
 public:
  using Adaptive::Adaptive;

 private:
  at::Tensor second_moment(const at::Tensor& v, const at::Tensor& square) const override;
};

/// Formula: v = v - (1 - beta2) d^2 sign(v - d^2): grows and shrinks by as much at most.
class Yogi final : public Adaptive {
 public:
  using Adaptive::Adaptive;

 private:
  at::Tensor second_moment(const at::Tensor& v, const at::Tensor& square) const override;
};

/// Formula: v = v + d^2.
class Adagrad final : public Adaptive {
 public:
  using Adaptive::Adaptive;

 private:
  at::Tensor second_moment(const at::Tensor& v, const at::Tensor& square) const override;
};

}  // namespace lorae::aggregation
