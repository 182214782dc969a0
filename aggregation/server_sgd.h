#pragma once

#include "base/config_reader.h"
#include "tensors/state_dict.h"

namespace lorae::aggregation {

struct ServerOptions {
  double learning_rate = 0.5;
  double momentum = 0.7;
};

template <typename Visitor>
void visit_fields(ServerOptions& options, Visitor&& visit) {
  visit("learning_rate", options.learning_rate, between(0, 10), "of the step on the global model");
  visit("momentum", options.momentum, between(0, 0.999), "0 with learning_rate 1 is plain FedAvg");
}

/// SGD with momentum on the global model; the mean delta is its pseudo-gradient.
///
/// Formula: v = momentum * v + pseudo_gradient; global += learning_rate * v. Computed in double,
/// kept in float32, so that a run resumed from its snapshot goes on bit for bit.
/// Source: FedAvgM, Hsu et al. 2019 (arXiv:1909.06335).
class ServerSgd {
 public:
  explicit ServerSgd(const ServerOptions& options) : options_(options) {}

  /// Steps `global` in place. Shape: float32 `global`, float64 `pseudo_gradient`, aligned.
  void step_(const StateDict& global, const StateDict& pseudo_gradient);

  /// The momentum; empty before the first step. It belongs into a snapshot.
  const StateDict& state() const { return velocity_; }
  void restore(StateDict state) { velocity_ = std::move(state); }

 private:
  ServerOptions options_;
  StateDict velocity_;
};

}  // namespace lorae::aggregation
