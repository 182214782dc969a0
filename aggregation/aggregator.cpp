#include "aggregation/aggregator.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "aggregation/rules/factor_mean.h"
#include "aggregation/rules/factor_median.h"
#include "aggregation/rules/normalised_steps.h"
#include "aggregation/rules/product_mean.h"
#include "aggregation/rules/rank_mean.h"
#include "aggregation/rules/residual.h"
#include "base/error.h"

namespace lorae::aggregation {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Aggregator> (*make)(const RuleOptions& options);
  bool looks_at_state = false;
  bool fills_residual = false;
};

template <typename Rule>
std::unique_ptr<Aggregator> make(const RuleOptions& options) {
  if constexpr (std::is_constructible_v<Rule, const RuleOptions&>) {
    return std::make_unique<Rule>(options);
  } else {
    return std::make_unique<Rule>();
  }
}

constexpr std::array kRules = {
    Entry{"factor_mean", &make<FactorMean>},          // FedIT
    Entry{"factor_median", &make<FactorMedian>},      // robust
    Entry{"product_mean", &make<ProductMean>, true},  // FlexLoRA
    Entry{"lora_fair", &make<LoraFair>, true},        // LoRA-FAIR
    Entry{"rank_mean", &make<RankMean>},              // raFLoRA
    Entry{"residual", &make<Residual>, true, true},   // FedEx-LoRA
    Entry{"stacking", &make<Stacking>, true, true},   // FLoRA
};

}  // namespace

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kRules) {
    names.push_back(entry.name);
  }
  return names;
}

bool fills_residual(std::string_view rule) {
  return std::ranges::any_of(
      kRules, [&](const Entry& entry) { return entry.fills_residual && entry.name == rule; });
}

bool looks_at_state(std::string_view rule) {
  return std::ranges::any_of(
      kRules, [&](const Entry& entry) { return entry.looks_at_state && entry.name == rule; });
}

std::unique_ptr<Aggregator> make_aggregator(const RuleOptions& options) {
  const auto found = std::ranges::find(kRules, options.aggregation, &Entry::name);
  check(found != kRules.end(), ErrorCode::kInvalidConfig, "[aggregation] no rule '",
        options.aggregation, "'");
  auto rule = found->make(options);
  if (options.measure_error) {
    rule = std::make_unique<WithProductError>(std::move(rule));
  }
  if (options.weighting == "fednova") {  // around that one: its error is not that of fewer steps
    rule = std::make_unique<NormalisedSteps>(std::move(rule));
  }
  return rule;
}

std::int64_t weight_of(const RuleOptions& options, const LocalWork& work) {
  return options.weighting == "uniform"   ? 1
         : options.weighting == "fednova" ? NormalisedSteps::weight_of(work)
                                          : work.examples;
}

}  // namespace lorae::aggregation
