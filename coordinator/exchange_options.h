#pragma once

#include <functional>
#include <optional>
#include <string>

#include "adapters/description.h"
#include "aggregation/aggregator.h"
#include "aggregation/rules/class_means.h"
#include "aggregation/server_optimizer.h"
#include "base/bytes.h"
#include "tensors/state_dict.h"

namespace lorae::coordinator {

/// How a method's states travel, are aggregated and step.
struct ExchangeOptions {
  std::string uplink = "delta,int8:row,zstd";
  ByteCount max_uplink = {};  ///< of an update's payload; 0: any
  std::string downlink = "zstd";
  /// Above 0: states are on a lattice of steps of so many root mean squares, and clients get exact
  /// differences instead of `downlink`.
  double lattice = 0;
  aggregation::RuleOptions rule;
  aggregation::ServerOptions server;
  adapters::AdapterInfo info;  ///< of the saved files
  StateDict constant = {};     ///< what these hold beside the state
  /// If set, the head whose first step, that of codec::kClassSumsRound, is made of class sums.
  std::optional<aggregation::HeadNames> class_means = {};
  /// Steps that a client of so many examples takes in a round, as LocalWork counts them; empty: 1.
  std::function<double(std::int64_t examples)> local_steps = {};
};

}  // namespace lorae::coordinator
