#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/config_reader.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "tensors/state_dict.h"

namespace lorae::aggregation {

/// The names of all rules.
std::vector<std::string_view> rule_names();

/// True for rules that fill the components of adapters which no client trains.
bool fills_residual(std::string_view rule);
/// True for rules that look at more than changes: at the state that clients changed.
bool looks_at_state(std::string_view rule);

/// How the updates of a round become one.
struct RuleOptions {
  std::string aggregation = "factor_mean";
  std::string weighting = "examples";
  bool measure_error = false;
  std::int64_t residual_rank = 0;  ///< no key of its own: that of the adapters, LoraeOptions
};

template <typename Visitor>
void visit_fields(RuleOptions& options, Visitor&& visit) {
  visit("aggregation", options.aggregation, one_of(rule_names()), "from updates to one step");
  visit("weighting", options.weighting, one_of({"examples", "uniform", "fednova"}),
        "of a client in a mean: its images, 1, or its images for each local step (FedNova)");
  visit("measure_error", options.measure_error, anything(),
        "of each round: how far the new products are from the mean of the clients' products");
}

/// What a client did for its update.
struct LocalWork {
  std::int64_t examples = 1;
  double steps = 1;  ///< of its optimiser, as many as would lead so far without momentum
};

/// What a client changed, with its say in the mean.
struct ClientUpdate {
  ClientId client;
  std::int64_t weight = 1;  ///< positive; by weight_of
  StateDict delta;          ///< float32, local - global, of all updates aligned
  LocalWork work = {};
};

struct Aggregate {
  StateDict pseudo_gradient;  ///< float64
  Metrics report;             ///< of the rule's own: "aggregation/cuda_updates", ...
  bool whole = false;         ///< the server takes the step as it is, past its optimiser
};

/// A rule. What it gives depends on the set of updates, never on the order in which they come, so
/// they are added when they arrive. Threads: none.
class Aggregator {
 public:
  virtual ~Aggregator() = default;

  /// A round begins from `base`, the global state, which is not written to while it lasts; for
  /// rules that look at more than what changed.
  virtual void begin(const StateDict& /*base*/) {}

  /// Errors: kCorruptData, naming the tensor, for numbers that the rule cannot take; kIncompatible
  /// if not aligned with those before. The rule is as if the update had never come then.
  virtual void add(const ClientUpdate& update) = 0;

  /// Adds what `part` has added, the same rule in the same round. False for rules that have to see
  /// all updates themselves: nothing has changed then. Errors: as `add`, for all of it.
  virtual bool merge(const Aggregator& /*part*/) { return false; }

  /// Ends the round; the rule is then empty. Errors: kInvalidArgument if nothing was added.
  virtual Aggregate finish() = 0;
};

/// Errors: kInvalidConfig for an unknown name.
std::unique_ptr<Aggregator> make_aggregator(const RuleOptions& options);

/// The weight of a client that did so much.
std::int64_t weight_of(const RuleOptions& options, const LocalWork& work);

}  // namespace lorae::aggregation
