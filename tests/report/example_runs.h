#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/comparison.h"

namespace lorae::report {

/// `metrics` of a run whose curve rises in four rounds to its main metric.
inline ComparisonRun run_of(const std::string& name,
                            std::uint64_t seed,
                            const Metrics& metrics,
                            double uplink) {
  ComparisonRun run{.name = name,
                    .method = name == "full" ? "full" : "lorae",
                    .seed = seed,
                    .rounds = 4,
                    .clients = 100,
                    .cohort = 10,
                    .metrics = metrics,
                    .trainable_parameters = name == "full" ? 11'173'962 : 123'456,
                    .total_parameters = 11'173'962,
                    .uplink_bytes_per_client_round = uplink,
                    .downlink_bytes_per_client_round = uplink * 2,
                    .control_bytes_per_client_round = 7,
                    .backbone_bytes_once = 44'700'000,
                    .seconds = 12.25,
                    .digest = "ab12",
                    .curve = {},
                    .by_round = {}};
  for (RoundId round{1}; round <= RoundId{4} && !metrics.empty(); round = round.next()) {
    const auto step = static_cast<double>(round.value);
    run.curve.push_back({round, metrics.begin()->second * step / 4, 10 * 3 * uplink * step});
  }
  return run;
}

inline ComparisonRun run_of(const std::string& name,
                            std::uint64_t seed,
                            double top1,
                            double uplink) {
  return run_of(name, seed, Metrics{{"top1", top1}, {"loss", 0.5}}, uplink);
}

inline Comparison example() {
  return {.baseline = "full",
          .runs = {run_of("full", 1, 0.875, 4000), run_of("full", 2, 0.900, 4000),
                   run_of("lorae-8", 1, 0.870, 100), run_of("lorae-8", 2, 0.890, 200)},
          .target = std::nullopt};
}

inline Comparison comparison_of(std::vector<ComparisonRun> runs) {
  return {.baseline = "full", .runs = std::move(runs), .target = std::nullopt};
}

}  // namespace lorae::report
