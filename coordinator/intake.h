#pragma once

#include <memory>

#include "aggregation/aggregator.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "codec/chain.h"
#include "coordinator/exchange_options.h"

namespace lorae::coordinator {

/// An update as it came in, decoded once: what changed, and what it weighed on its way.
struct Receipt {
  StateDict delta;                        ///< local - global
  std::vector<codec::StageBytes> stages;  ///< bytes of each layer after each stage
};

/// How updates come in: payloads are decoded, checked and measured in one walk, and added to the
/// round's rule as they arrive. Threads: none.
class Intake {
 public:
  /// `layout`: of the states.
  Intake(const ExchangeOptions& exchange, codec::Layout layout);

  /// `held`: what the client started from in `round`. Errors (returned): kCorruptData.
  Result<Receipt> accept(ByteView payload, const codec::Blocks& held, RoundId round) const;

  /// A rule of `round`, of which nothing has been told.
  std::unique_ptr<aggregation::Aggregator> rule_of(RoundId round) const;

  /// What an update is to a rule.
  aggregation::ClientUpdate update_of(const ClientId& client,
                                      StateDict delta,
                                      std::int64_t num_examples) const;

  /// Errors: as Aggregator::add; the round is as if the update had never come then.
  void add(const ClientId& client, const Receipt& receipt, std::int64_t num_examples);

  /// The round's result; the next one may begin.
  aggregation::Aggregate finish() { return rule_->finish(); }
  /// `round` begins from `base`, the global state; forgets what was added.
  void begin(const StateDict& base, RoundId round);

  /// The largest payload that an update can have. Units: bytes.
  std::uint64_t max_update_bytes() const;

 private:
  bool sums_classes(RoundId round) const;

  codec::Chain chain_, class_sums_;
  codec::Layout layout_;
  ByteCount most_;
  aggregation::RuleOptions options_;
  std::optional<aggregation::HeadNames> class_means_;
  std::function<double(std::int64_t)> local_steps_;
  std::unique_ptr<aggregation::Aggregator> rule_;
};

}  // namespace lorae::coordinator
