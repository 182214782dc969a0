#include <algorithm>
#include <cmath>

#include "aggregation/aggregator.h"
#include "aggregation/rules/normalised_steps.h"
#include "base/seed.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using testing::expect_error;
using testing::same_bits;

ClientUpdate update(const std::string& client, std::vector<float> values, std::int64_t weight = 1) {
  return {{client}, weight, StateDict({{"w", torch::tensor(values)}})};
}

/// A rule of a round that began from zeros.
std::unique_ptr<Aggregator> begun(std::string_view rule, bool measured = false) {
  auto aggregator = make_aggregator(
      {.aggregation = std::string(rule), .measure_error = measured, .residual_rank = 1});
  aggregator->begin(StateDict({{"w", torch::zeros({2})}}));
  return aggregator;
}

at::Tensor aggregate(std::string_view rule, const std::vector<ClientUpdate>& updates) {
  const auto aggregator = begun(rule);
  for (const ClientUpdate& one : updates) {
    aggregator->add(one);
  }
  return aggregator->finish().pseudo_gradient.at("w");
}

TEST(Rules, AreChosenByName) {
  EXPECT_EQ(rule_names(),
            (std::vector<std::string_view>{"factor_mean", "factor_median", "product_mean",
                                           "lora_fair", "rank_mean", "residual", "stacking"}));
  expect_error(
      ErrorCode::kInvalidConfig, [] { make_aggregator({.aggregation = "krum"}); },
      "no rule 'krum'");
}

TEST(Rules, WeightsAreExamplesOrOne) {
  EXPECT_EQ(weight_of({.weighting = "examples"}, {.examples = 30, .steps = 4}), 30);
  EXPECT_EQ(weight_of({.weighting = "uniform"}, {.examples = 30, .steps = 4}), 1);
  EXPECT_EQ(weight_of({.weighting = "fednova"}, {.examples = 30, .steps = 4}), 30 * 1024 / 4);
}

TEST(FactorMean, IsTheWeightedMean) {
  EXPECT_TRUE(aggregate("factor_mean", {update("a", {1, 2}, 1), update("b", {5, -2}, 3)})
                  .equal(torch::tensor({4.0, -1.0}, c10::kDouble)));
}

TEST(FactorMedian, IsTheMiddleOfAnOddNumber) {
  EXPECT_TRUE(
      aggregate("factor_median", {update("a", {1, 9}), update("b", {3, 8}), update("c", {2, 100})})
          .equal(torch::tensor({2.0, 9.0}, c10::kDouble)));
}

TEST(FactorMedian, IsTheMeanOfTheTwoInTheMiddleOfAnEvenNumber) {
  EXPECT_TRUE(aggregate("factor_median",
                        {update("a", {1}), update("b", {100}), update("c", {4}), update("d", {2})})
                  .equal(torch::tensor({3.0}, c10::kDouble)));
}

TEST(FactorMedian, IsNotMovedByALiarInThree) {
  EXPECT_LE(
      aggregate("factor_median", {update("a", {1}), update("b", {1.1F}), update("liar", {5e8F})})
          .item<double>(),
      1.2);
}

TEST(Rules, DoNotDependOnTheOrder) {
  std::vector<ClientUpdate> updates;
  Random random = Seed{5}.random();
  for (int i = 0; i < 9; ++i) {
    std::vector<float> values(20);
    std::ranges::generate(values, [&] { return static_cast<float>(random.normal()); });
    updates.push_back(update(std::to_string(i), values, 1 + i));
  }
  for (const std::string_view rule : rule_names()) {
    const at::Tensor expected = aggregate(rule, updates);
    for (int i = 0; i < 20; ++i) {
      random.shuffle(std::span(updates));
      EXPECT_TRUE(same_bits(aggregate(rule, updates), expected)) << rule;
    }
  }
}

TEST(Rules, GiveTheSameIfPartsAreMergedOrHaveNoParts) {
  Random random = Seed{6}.random();
  const auto state = [&] {
    const auto draw = [&](std::vector<std::int64_t> shape) {
      at::Tensor tensor = torch::zeros(shape);
      for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        tensor.flatten()[i] = random.normal();
      }
      return tensor;
    };
    return StateDict({{"conv.extractor", draw({2, 3, 1, 1})},
                      {"conv.mapper", draw({4, 2})},
                      {"fc.weight", draw({5})}});
  };
  const StateDict base = state();
  std::vector<ClientUpdate> updates;
  for (int i = 0; i < 7; ++i) {
    updates.push_back({{std::to_string(i)}, 1 + i, state()});
  }
  for (const std::string_view rule : rule_names()) {
    for (const bool measured : {false, true}) {
      std::vector<std::unique_ptr<Aggregator>> parts;
      for (int i = 0; i < 4; ++i) {
        parts.push_back(make_aggregator(
            {.aggregation = std::string(rule), .measure_error = measured, .residual_rank = 1}));
        parts.back()->begin(base);
      }
      for (std::size_t i = 0; i < updates.size(); ++i) {
        parts[0]->add(updates[i]);
        parts[1 + i % 3]->add(updates[i]);
      }
      const Aggregate whole = parts[0]->finish();
      if (!parts[1]->merge(*parts[2])) {
        EXPECT_EQ(rule, "factor_median");
        continue;
      }
      EXPECT_TRUE(parts[1]->merge(*parts[3]));

      const Aggregate merged = parts[1]->finish();

      EXPECT_EQ(digest_of(merged.pseudo_gradient), digest_of(whole.pseudo_gradient)) << rule;
      EXPECT_EQ(merged.report, whole.report) << rule;
      EXPECT_EQ(whole.report.find("aggregation/product_error").has_value(), measured);
    }
  }
}

TEST(Rules, NormaliseChangesByTheirSteps) {
  const RuleOptions nova{.weighting = "fednova"};
  struct Client {
    const char* name;
    LocalWork work;
    std::vector<float> delta;
  };
  const std::vector<Client> clients = {{"a", {.examples = 40, .steps = 10}, {1, 2}},
                                       {"b", {.examples = 100, .steps = 4}, {-3, 0.5F}},
                                       {"c", {.examples = 7, .steps = 3}, {2, 2}}};
  const auto add = [&](Aggregator& to, const Client& client) {
    to.add({.client = {client.name},
            .weight = weight_of(nova, client.work),
            .delta = StateDict({{"w", torch::tensor(client.delta)}}),
            .work = client.work});
  };
  double examples = 0, steps = 0;
  at::Tensor wanted = torch::zeros({2}, c10::kDouble);
  for (const Client& client : clients) {
    const auto n = static_cast<double>(client.work.examples);
    const double tau = client.work.steps;
    examples += n;
    steps += n * tau;
    wanted += n / tau * torch::tensor(client.delta).to(c10::kDouble);
  }
  wanted *= steps / examples / examples;
  const auto there = make_aggregator(nova), back = make_aggregator(nova),
             part = make_aggregator(nova);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    add(*there, clients[i]);
    add(i == 1 ? *part : *back, clients[clients.size() - 1 - i]);
  }
  ASSERT_TRUE(back->merge(*part));

  const Aggregate result = there->finish();

  EXPECT_LT(testing::relative_error(result.pseudo_gradient.at("w"), wanted), 1e-4)
      << "weights are rounded to 1024ths";
  EXPECT_NEAR(result.report.find("aggregation/effective_steps").value(), steps / examples, 1e-12);
  EXPECT_TRUE(same_bits(back->finish().pseudo_gradient.at("w"), result.pseudo_gradient.at("w")));
  expect_error(
      ErrorCode::kInvalidArgument, [&] { weight_of(nova, {.examples = 1, .steps = 0}); }, "steps");
}

TEST(Rules, CountStepsWithMomentumByHowFarTheyLead) {
  EXPECT_EQ(effective_steps(7, 0), 7);
  EXPECT_EQ(effective_steps(1, 0.9), 1);
  EXPECT_DOUBLE_EQ(effective_steps(2, 0.9), 2.9);
  // (tau - m (1 - m^tau) / (1 - m)) / (1 - m), as the paper has it.
  EXPECT_NEAR(effective_steps(64, 0.9), (64 - 0.9 * (1 - std::pow(0.9, 64)) / 0.1) / 0.1, 1e-9);
}

TEST(Rules, OfEqualStepsAreNotChangedByNormalising) {
  const auto nova = make_aggregator({.weighting = "fednova"});
  for (const auto& [name, values] :
       {std::pair("a", std::vector<float>{1, 4}), {"b", std::vector<float>{3, -4}}}) {
    const LocalWork work{.examples = 64, .steps = 8};
    nova->add({.client = {name},
               .weight = weight_of({.weighting = "fednova"}, work),
               .delta = StateDict({{"w", torch::tensor(values)}}),
               .work = work});
  }
  EXPECT_TRUE(
      same_bits(nova->finish().pseudo_gradient.at("w"), torch::tensor({2.0, 0.0}, c10::kDouble)));
}

TEST(Rules, RefuseWhatIsNoNumberAndGoOnWithoutIt) {
  for (const std::string_view rule : rule_names()) {
    const auto aggregator = begun(rule);
    aggregator->add(update("a", {1, 2}));
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
      expect_error(
          ErrorCode::kCorruptData,
          [&] {
            aggregator->add(update("b", {0, bad}));
          },
          "'w'");
    }
    EXPECT_TRUE(
        aggregator->finish().pseudo_gradient.at("w").equal(torch::tensor({1.0, 2.0}, c10::kDouble)))
        << rule;
  }
}

/// Finite, but beyond what the exact sum holds: who refuses it has not kept it.
TEST(Rules, AreAsIfWhatIsTooLargeHadNeverCome) {
  for (const std::string_view rule : rule_names()) {
    for (const bool measured : {false, true}) {
      const auto aggregator = begun(rule, measured);
      aggregator->add(update("a", {1, 2}));
      for (int i = 0; i < 3; ++i) {
        expect_error(
            ErrorCode::kCorruptData,
            [&] {
              aggregator->add(update("b", {1e12F, 9}));
            },
            "'w'");
      }
      EXPECT_TRUE(aggregator->finish().pseudo_gradient.at("w").equal(
          torch::tensor({1.0, 2.0}, c10::kDouble)))
          << rule << measured;
    }
  }
}

TEST(Rules, OfProductsHaveToBeToldWhereARoundBegins) {
  for (const char* rule : {"product_mean", "lora_fair", "residual", "stacking"}) {
    const auto aggregator = make_aggregator({.aggregation = rule, .residual_rank = 1});
    expect_error(
        ErrorCode::kInvalidArgument,
        [&] {
          aggregator->add(update("a", {1, 2}));
        },
        "where the round begins");
  }
}

TEST(Rules, RefuseOtherShapesAndAnEmptyRound) {
  for (const std::string_view rule : rule_names()) {
    const auto aggregator = begun(rule);
    expect_error(
        ErrorCode::kInvalidArgument, [&] { aggregator->finish(); }, "nothing was added");
    aggregator->add(update("a", {1, 2}));
    expect_error(
        ErrorCode::kIncompatible, [&] { aggregator->add(update("b", {1})); }, "'w'");
    EXPECT_TRUE(
        aggregator->finish().pseudo_gradient.at("w").equal(torch::tensor({1.0, 2.0}, c10::kDouble)))
        << rule;
  }
}

}  // namespace
}  // namespace lorae::aggregation
