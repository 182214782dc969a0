// Rules that keep what the mean of factors leaves out in components that nobody trains.
#include "adapters/pairs.h"
#include "adapters/starts.h"
#include "aggregation/aggregator.h"
#include "aggregation/low_rank.h"
#include "base/seed.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using testing::expect_error;
using testing::relative_error;

constexpr std::int64_t kRank = 2, kClients = 5;

/// An adapted layer of 6 outputs, one of two groups of 4, and a head; of each adapter `kRank`
/// components that clients train (of each group half as many) and `residual` behind them.
StateDict start_of(std::int64_t residual) {
  const auto extractor = [&](std::int64_t groups, std::int64_t in, std::int64_t kernel) {
    const std::int64_t own = kRank / groups, rest = residual / groups;
    at::Tensor all = torch::zeros({groups, own + rest, in, kernel, kernel});
    all.slice(1, 0, own).copy_(
        adapters::uniform_tensor({groups, own, in, kernel, kernel}, 1, Seed{3}));
    return all.flatten(0, 1);
  };
  const std::int64_t rank = kRank + residual;
  return StateDict({{"conv.extractor", extractor(1, 3, 3)},
                    {"conv.mapper", torch::zeros({6, rank, 1, 1})},
                    {"grouped.extractor", extractor(2, 2, 1)},
                    {"grouped.mapper", torch::zeros({8, rank / 2, 1, 1})},
                    {"fc.weight", torch::zeros({3, 4})}});
}

/// What a client changes of `state`: everything but the residual.
StateDict trained(const StateDict& state, std::int64_t residual, Seed seed) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    at::Tensor delta = adapters::uniform_tensor(tensor.sizes().vec(), 0.5, seed.derive(name));
    const at::Tensor components = adapters::components_of(state, name);
    if (components.defined()) {
      const std::int64_t own =
          (kRank * (components.max().item<std::int64_t>() + 1)) / (kRank + residual);
      delta.mul_(components.lt(own));
    }
    entries.emplace_back(name, delta);
  }
  return StateDict(std::move(entries));
}

std::vector<ClientUpdate> updates_of(const StateDict& state, std::int64_t residual, int round) {
  std::vector<ClientUpdate> all;
  for (int i = 0; i < kClients; ++i) {
    const Seed seed =
        Seed{7}.derive("client", std::to_string(i), static_cast<std::uint64_t>(round));
    all.push_back({{std::to_string(i)}, 1 + i, trained(state, residual, seed)});
  }
  return all;
}

/// The products of both layers, [groups, m, n].
std::vector<at::Tensor> products(const StateDict& state) {
  std::vector<at::Tensor> all;
  for (const adapters::Pair& pair : adapters::pairs_of(state)) {
    all.push_back(at::bmm(pair.columns(state).to(c10::kDouble), pair.rows(state).to(c10::kDouble)));
  }
  return all;
}

StateDict plus(const StateDict& state, const StateDict& step) {
  StateDict sum = state.clone();
  for (const auto& [name, tensor] : sum) {
    at::Tensor(tensor).copy_(tensor.to(c10::kDouble) + step.at(name).to(c10::kDouble));
  }
  return sum;
}

std::vector<at::Tensor> mean_of_products(const StateDict& state,
                                         const std::vector<ClientUpdate>& updates) {
  double total = 0;
  for (const ClientUpdate& one : updates) {
    total += static_cast<double>(one.weight);
  }
  std::vector<at::Tensor> mean;
  for (const ClientUpdate& one : updates) {
    const auto own = products(plus(state, one.delta));
    for (std::size_t i = 0; i < own.size(); ++i) {
      const at::Tensor part = own[i] * (static_cast<double>(one.weight) / total);
      i < mean.size() ? mean[i].add_(part) : mean.emplace_back(part);
    }
  }
  return mean;
}

Aggregate aggregate(const RuleOptions& options,
                    const StateDict& state,
                    const std::vector<ClientUpdate>& updates) {
  const auto rule = make_aggregator(options);
  rule->begin(state);
  for (const ClientUpdate& one : updates) {
    rule->add(one);
  }
  return rule->finish();
}

/// Over several rounds, in float32 as a coordinator keeps states.
TEST(ResidualRules, AreExactWithARankThatSuffices) {
  constexpr std::int64_t kEnough = 8;  // of the outputs of each layer and group
  for (const char* name : {"residual", "stacking"}) {
    StateDict state = start_of(kEnough);
    const StateDict start = state.clone();
    for (int round = 1; round <= 4; ++round) {
      const auto updates = updates_of(state, kEnough, round);
      const auto wanted = mean_of_products(state, updates);
      const Aggregate result = aggregate(
          {.aggregation = name, .measure_error = true, .residual_rank = kEnough}, state, updates);
      state = plus(state, result.pseudo_gradient);
      const auto made = products(state);
      for (std::size_t i = 0; i < made.size(); ++i) {
        EXPECT_LT(relative_error(made[i], wanted[i]), 1e-6) << name << ' ' << i << ' ' << round;
      }
      EXPECT_LT(result.report.find("aggregation/product_error").value(), 1e-6);
    }
    EXPECT_EQ(std::string(name) == "stacking",
              state.at("conv.extractor")
                  .slice(0, 0, kRank)
                  .equal(start.at("conv.extractor").slice(0, 0, kRank)))
        << "clients begin again on the extractors that they had, or go on from the mean";
  }
}

TEST(ResidualRules, ComeNearerWithTheirRankAndGoOnAsTheirPapersSay) {
  double before = 2;
  for (const std::int64_t residual : {2, 4}) {
    const StateDict state = start_of(residual);
    const auto updates = updates_of(state, residual, 1);
    const RuleOptions options{
        .aggregation = "residual", .measure_error = true, .residual_rank = residual};
    const Aggregate result = aggregate(options, state, updates);
    const double error = result.report.find("aggregation/product_error").value();
    EXPECT_LT(error, before);
    before = error;

    const Aggregate mean = aggregate({.aggregation = "factor_mean"}, state, updates);
    const auto own = [&](const Aggregate& aggregate, const char* mapper) {
      return aggregate.pseudo_gradient.at(mapper).slice(1, 0, kRank);
    };
    EXPECT_LT(relative_error(own(result, "conv.mapper"), own(mean, "conv.mapper")), 1e-12);
    EXPECT_TRUE(result.pseudo_gradient.at("fc.weight").equal(mean.pseudo_gradient.at("fc.weight")));
  }
  EXPECT_GT(before, 1e-3) << "five clients leave out more than these ranks hold";
}

TEST(ResidualRules, NeedAResidual) {
  for (const char* name : {"residual", "stacking"}) {
    EXPECT_TRUE(fills_residual(name));
    expect_error(
        ErrorCode::kInvalidConfig, [&] { make_aggregator({.aggregation = name}); },
        "residual_rank");
  }
  EXPECT_FALSE(fills_residual("product_mean"));
}

}  // namespace
}  // namespace lorae::aggregation
