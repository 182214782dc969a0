#include "experiment/fitted_rank.h"

#include <algorithm>
#include <cmath>

#include "training/trainable.h"

namespace lorae::experiment {
namespace {

constexpr std::int64_t kMostRank = 64;
constexpr std::int64_t kUsualRank = 8;  // whose scaling alpha is meant for
constexpr double kBits = 1.2;           // of a number: with fewer, more numbers do not help

adapters::LoraeOptions of_rank(adapters::LoraeOptions options, std::int64_t rank) {
  const double times = static_cast<double>(rank) / static_cast<double>(kUsualRank);
  options.alpha *= options.scaling == "rslora" ? std::sqrt(times) : times;
  options.rank = rank;
  return options;
}

/// What moves in a round of the adapters that `lorae` puts on the model.
std::int64_t moving_numbers(const models::Model& model,
                            const adapters::LoraeOptions& lorae,
                            adapters::Factors factors) {
  const adapters::Policy policy(lorae);
  std::int64_t extractors = 0, mappers = 0, cores = 0;
  for (const auto& [shape, weight] : model.adaptable()) {
    if (const auto adapter = policy.adapter(shape)) {
      const std::int64_t rank = adapter->rank - adapter->residual;
      extractors += rank * shape.in * shape.area();
      mappers += rank * shape.out;
      cores += rank * rank;
    }
  }
  switch (factors) {
    case adapters::Factors::kBoth:
      break;
    case adapters::Factors::kMapper:
      return mappers;
    case adapters::Factors::kAlternating:
      return std::max(extractors, mappers);
    case adapters::Factors::kCore:
      return cores;
  }
  return extractors + mappers;
}

}  // namespace

MethodConfig with_fitted_rank(MethodConfig method, const models::ModelOptions& options) {
  if (method.kind != adapters::Kind::kLorae || method.lorae.rank > 0) {
    return method;
  }
  const auto model = models::build(options, std::nullopt);
  std::int64_t beside =
      training::trainable_of(*model, method.kind, method.train, method.head, method.norm).numel();
  if (method.norm == adapters::Norm::kTrained) {
    beside += model->norm_statistics().numel();
  }
  const double most = 8 * static_cast<double>(method.max_uplink.value) / kBits;
  std::int64_t rank = 1, before = 0;
  while (rank < kMostRank) {
    const std::int64_t next =
        beside + moving_numbers(*model, of_rank(method.lorae, rank + 1), method.train);
    if (static_cast<double>(next) > most || next < before) {  // or layers are left out
      break;
    }
    before = next;
    ++rank;
  }
  method.lorae = of_rank(method.lorae, rank);
  return method;
}

}  // namespace lorae::experiment
