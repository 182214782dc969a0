#include "coordinator/federation_options.h"

#include <cmath>
#include <numbers>

namespace lorae::coordinator {

void validate(const FederationOptions& options, const ConfigReader& reader) {
  check(options.cohort <= options.clients, ErrorCode::kInvalidConfig,
        reader.where("federation.cohort"), ": expected at most federation.clients (",
        options.clients, "), got ", options.cohort);
  check(options.min_clients <= options.clients, ErrorCode::kInvalidConfig,
        reader.where("federation.min_clients"), ": expected at most federation.clients (",
        options.clients, "), got ", options.min_clients);
}

double learning_rate_factor(const FederationOptions& options, RoundId round) {
  const double progress =
      static_cast<double>(round.value - 1) / static_cast<double>(options.rounds);
  return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace lorae::coordinator
