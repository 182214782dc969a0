#pragma once

#include "aggregation/server_optimizer.h"

namespace lorae::aggregation {

/// SGD with momentum on the global model; the aggregate is its pseudo-gradient.
/// Formula: v = momentum * v + pseudo_gradient; global += learning_rate * v.
/// Source: FedAvgM, Hsu et al. 2019 (arXiv:1909.06335).
class Sgd final : public ServerOptimizer {
 public:
  explicit Sgd(const ServerOptions& options) : options_(options) {}

  void step_(const StateDict& global, const StateDict& pseudo_gradient) override;
  StateDict state() const override { return velocity_; }
  void restore(StateDict state) override { velocity_ = std::move(state); }

 private:
  ServerOptions options_;
  StateDict velocity_;
};

}  // namespace lorae::aggregation
