#include "aggregation/rules/normalised_steps.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace lorae::aggregation {
namespace {

constexpr std::int64_t kParts = 1024;

}  // namespace

double effective_steps(std::int64_t steps, double momentum) {
  constexpr std::int64_t kMany = 1000;
  if (steps > kMany) {
    const auto count = static_cast<double>(steps);
    const double last = 1 - std::pow(momentum, count);
    return (count - momentum * last / (1 - momentum)) / (1 - momentum);
  }
  double all = 0, velocity = 0;
  for (std::int64_t k = 0; k < steps; ++k) {
    velocity = momentum * velocity + 1;
    all += velocity;
  }
  return all;
}

std::int64_t NormalisedSteps::weight_of(const LocalWork& work) {
  check(work.steps >= 1, ErrorCode::kInvalidArgument, "[aggregation] local steps: expected at ",
        "least 1, got ", work.steps);
  return std::max<std::int64_t>(
      1, std::llround(static_cast<double>(work.examples * kParts) / work.steps));
}

void NormalisedSteps::begin(const StateDict& base) {
  rule_->begin(base);
  sums_ = {};
}

void NormalisedSteps::add(const ClientUpdate& update) {
  rule_->add(update);  // first: what it refuses was never there
  sums_.examples += update.work.examples;
  sums_.weights += update.weight;
  sums_.steps += Wide{update.work.examples} * std::llround(update.work.steps * double{kParts});
}

bool NormalisedSteps::merge(const Aggregator& part) {
  const auto& other = dynamic_cast<const NormalisedSteps&>(part);
  if (!rule_->merge(*other.rule_)) {
    return false;
  }
  sums_.examples += other.sums_.examples;
  sums_.weights += other.sums_.weights;
  sums_.steps += other.sums_.steps;
  return true;
}

Aggregate NormalisedSteps::finish() {
  Aggregate result = rule_->finish();
  const auto [examples, weights, steps] = std::exchange(sums_, {});
  const double effective = static_cast<double>(steps) / static_cast<double>(kParts * examples);
  const double factor =
      effective * static_cast<double>(weights) / static_cast<double>(kParts * examples);
  for (const auto& [name, tensor] : result.pseudo_gradient) {
    tensor.mul_(factor);
  }
  result.report.set("aggregation/effective_steps", effective);
  return result;
}

}  // namespace lorae::aggregation
