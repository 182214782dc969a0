// A mean for clients of different ranks.
#include <gtest/gtest.h>

#include "adapters/pairs.h"
#include "aggregation/aggregator.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using lorae::testing::same_bits;

constexpr std::int64_t kRank = 3;

/// Factors of one layer, a core of another and a bias, all of `value` in the first `rank`
/// components and 0 behind.
StateDict change(double value, std::int64_t rank) {
  const StateDict whole({{"conv.extractor", torch::full({kRank, 2, 3, 3}, value)},
                         {"conv.mapper", torch::full({4, kRank, 1, 1}, 2 * value)},
                         {"fc.bias", torch::full({5}, value)},
                         {"other.core", torch::full({kRank, kRank}, value)}});
  return map(whole, [&, next = whole.begin()](const at::Tensor& tensor) mutable {
    const at::Tensor components = adapters::components_of(whole, next++->first);
    return components.defined() ? tensor * components.lt(rank) : tensor;
  });
}

TEST(Components, AreFiltersInputsAndTheLargerOfRowAndColumn) {
  const StateDict state({{"a.extractor", torch::zeros({4, 2, 3, 3})},  // two groups of rank 2
                         {"a.mapper", torch::zeros({6, 2, 1, 1})},
                         {"alone.extractor", torch::zeros({3, 5})},
                         {"b.core", torch::zeros({2, 2})},
                         {"fc.weight", torch::zeros({4, 3})}});
  const auto listed = [&](const char* name) {
    return adapters::components_of(state, name).flatten();
  };
  EXPECT_TRUE(listed("a.extractor").equal(torch::tensor({0, 1, 0, 1}, torch::kInt64)));
  EXPECT_TRUE(listed("a.mapper").equal(torch::tensor({0, 1}, torch::kInt64)));
  EXPECT_EQ(adapters::components_of(state, "a.mapper").sizes(), (at::IntArrayRef{1, 2, 1, 1}));
  EXPECT_TRUE(listed("alone.extractor").equal(torch::tensor({0, 1, 2}, torch::kInt64)));
  EXPECT_TRUE(listed("b.core").equal(torch::tensor({0, 1, 1, 1}, torch::kInt64)));
  EXPECT_FALSE(adapters::components_of(state, "fc.weight").defined());
}

TEST(RankMean, AveragesAComponentOverThoseWhoTrainIt) {
  const auto rule = make_aggregator({.aggregation = "rank_mean"});
  rule->add({{"small"}, 3, change(1.0, 1)});
  rule->add({{"middle"}, 1, change(5.0, 2)});
  rule->add({{"large"}, 4, change(-2.0, 3)});

  const Aggregate result = rule->finish();

  // (3 * 1 + 1 * 5 - 4 * 2) / 8, (5 - 8) / 5, -2
  const at::Tensor means = torch::tensor({0.0, -0.6, -2.0}, torch::kFloat64);
  const StateDict& step = result.pseudo_gradient;
  for (std::int64_t i = 0; i < kRank; ++i) {
    EXPECT_TRUE(at::allclose(step.at("conv.extractor")[i], means[i], 1e-15, 1e-15));
    EXPECT_TRUE(at::allclose(step.at("conv.mapper").select(1, i), 2 * means[i], 1e-15, 1e-15));
    for (std::int64_t j = 0; j < kRank; ++j) {
      EXPECT_TRUE(at::allclose(step.at("other.core")[i][j], means[std::max(i, j)], 1e-15, 1e-15));
    }
  }
  EXPECT_TRUE(at::allclose(step.at("fc.bias"), torch::zeros({5}, torch::kFloat64)));
  EXPECT_EQ(result.report.find("aggregation/ranks"), 3);
}

TEST(RankMean, OfEqualRanksIsTheMean) {
  const auto mean = make_aggregator({}), ranks = make_aggregator({.aggregation = "rank_mean"});
  for (const auto& rule : {mean.get(), ranks.get()}) {
    rule->add({{"a"}, 3, change(0.3, 2)});
    rule->add({{"b"}, 4, change(-1.7, 2)});
  }
  EXPECT_TRUE(same_bits(ranks->finish().pseudo_gradient, mean->finish().pseudo_gradient));
}

TEST(RankMean, OfNoChangeIsNone) {
  const auto rule = make_aggregator({.aggregation = "rank_mean"});
  rule->add({{"a"}, 3, change(1.0, 0)});
  const StateDict step = rule->finish().pseudo_gradient;
  EXPECT_EQ(step.at("conv.extractor").abs().max().item<double>(), 0);
  EXPECT_EQ(step.at("fc.bias").min().item<double>(), 1);
}

}  // namespace
}  // namespace lorae::aggregation
