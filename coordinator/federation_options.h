#pragma once

#include <cstdint>

#include "base/config_reader.h"
#include "base/ids.h"

namespace lorae::coordinator {

/// As many updates as one sum takes: aggregation::kMostContributions.
inline constexpr std::int64_t kLargestCohort = 16383;

/// Who takes part in rounds, and how long they may take.
struct FederationOptions {
  std::int64_t rounds = 20;
  std::int64_t clients = 20;
  std::int64_t cohort = 0;
  std::int64_t min_clients = 2;
  double min_fraction = 0.8;
  double report_deadline = 600;
  double heartbeat = 10;
  std::int64_t stop = 0;
  std::int64_t max_examples = 1000000;
  bool keep_updates = false;
};

template <typename Visitor>
void visit_fields(FederationOptions& options, Visitor&& visit) {
  visit("rounds", options.rounds, between(1, 1e6), "to run");
  visit("clients", options.clients, between(1, 1e6), "shares of the private data");
  visit("cohort", options.cohort, between(0, kLargestCohort),
        "clients per round; 0: all that are here, or as many as one sum takes");
  visit("min_clients", options.min_clients, between(1, 1e6),
        "a round waits until so many are here");
  visit("min_fraction", options.min_fraction, between(0.01, 1), "of the cohort, at the deadline");
  visit("report_deadline", options.report_deadline, between(1, 1e7),
        "seconds, then see min_fraction");
  visit("heartbeat", options.heartbeat, between(0.1, 3600), "seconds between signs of life");
  visit("stop", options.stop, between(0, 1e6),
        "ends the run after so many rounds without a better evaluation; 0: never");
  visit("max_examples", options.max_examples, between(1, 1e12),
        "a client that reports more is refused");
  visit("keep_updates", options.keep_updates, anything(),
        "of all rounds, with the states between them, for `lorae aggregate`; a simulation also "
        "keeps what clients trained before it is coded, for `lorae codec bench`");
}

/// The round after which a run is finished.
inline RoundId last_round(const FederationOptions& options) {
  return RoundId{static_cast<std::uint64_t>(options.rounds)};
}

/// Rules that join fields. Errors: kInvalidConfig, with `reader`'s places.
void validate(const FederationOptions& options, const ConfigReader& reader);

/// The learning rate of `round` (from 1) as a fraction of the first one's.
/// Formula: (1 + cos(pi (round - 1) / rounds)) / 2.
/// Source: cosine annealing, Loshchilov & Hutter 2017 (arXiv:1608.03983), over rounds.
double learning_rate_factor(const FederationOptions& options, RoundId round);

}  // namespace lorae::coordinator
