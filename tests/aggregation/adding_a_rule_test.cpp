// docs/adding_a_rule.md, followed literally.
#include "aggregation/aggregator.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

ClientUpdate update(const std::string& client, float value, std::int64_t weight) {
  return {{client}, weight, StateDict({{"w", torch::full({1}, value)}})};
}

TEST(AddingARule, ThePageWorks) {
  EXPECT_EQ(rule_names().back(), "largest");
  const auto rule = make_aggregator({.aggregation = "largest"});
  rule->add(update("b", 1, 10));
  rule->add(update("c", 2, 30));
  rule->add(update("a", 3, 30));

  const Aggregate result = rule->finish();

  EXPECT_EQ(result.pseudo_gradient.at("w").item<double>(), 3.0);
  EXPECT_EQ(result.report.find("aggregation/largest_weight"), 30.0);
  lorae::testing::expect_error(
      ErrorCode::kInvalidArgument, [&] { rule->finish(); }, "nothing was added");
}

}  // namespace
}  // namespace lorae::aggregation
