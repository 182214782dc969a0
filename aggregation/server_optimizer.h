#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/config_reader.h"
#include "tensors/state_dict.h"

namespace lorae::aggregation {

/// The names of all server optimisers.
std::vector<std::string_view> server_optimizer_names();

/// Which server optimiser, and its numbers; each uses those that its formula has.
struct ServerOptions {
  std::string name = "sgd";
  double learning_rate = 0.5;
  double momentum = 0.7;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double tau = 0.001;
};

template <typename Visitor>
void visit_fields(ServerOptions& options, Visitor&& visit) {
  visit("name", options.name, one_of(server_optimizer_names()), "the step on the global model");
  visit("learning_rate", options.learning_rate, between(0, 10), "of that step");
  visit("momentum", options.momentum, between(0, 0.999),
        "sgd; 0 with learning_rate 1 is plain FedAvg");
  visit("beta1", options.beta1, between(0, 0.9999), "adam, yogi, adagrad: of the first moment");
  visit("beta2", options.beta2, between(0, 0.9999), "adam, yogi: of the second moment");
  visit("tau", options.tau, between(1e-12, 1), "adam, yogi, adagrad: least divisor");
}

/// Moves the global model by what the aggregation of a round gives. Computed in double, kept in
/// float32, so that a run resumed from its snapshot goes on bit for bit. Threads: none.
class ServerOptimizer {
 public:
  virtual ~ServerOptimizer() = default;

  /// Steps `global` in place. Shape: float32 `global`, float64 `pseudo_gradient`, aligned.
  /// Errors: kIncompatible if they, or a restored state, are not aligned; nothing has changed then.
  virtual void step_(const StateDict& global, const StateDict& pseudo_gradient) = 0;

  /// What a restart needs: moments by tensor; empty before the first step.
  virtual StateDict state() const = 0;
  virtual void restore(StateDict state) = 0;
};

/// Errors: kInvalidConfig for an unknown name.
std::unique_ptr<ServerOptimizer> make_server_optimizer(const ServerOptions& options);

}  // namespace lorae::aggregation
