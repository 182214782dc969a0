// Rules that keep what the mean of factors leaves out in components that nobody trains.
#include "adapters/adapted_weight.h"
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

std::int64_t groups_of(const std::string& name) {
  return name.starts_with("grouped") ? 2 : 1;
}

/// `own`, of kRank components, with `residual` components of zeros behind those of each group.
StateDict widened(const StateDict& own, std::int64_t residual) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : own) {
    const std::int64_t groups = groups_of(name);
    const auto padded = [&](const at::Tensor& t) {
      auto shape = t.sizes().vec();
      shape[1] = residual / groups;
      return at::cat({t, torch::zeros(shape)}, 1);
    };
    entries.emplace_back(name,
                         name.ends_with(adapters::kMapperSuffix) ? padded(tensor)
                         : name.ends_with(adapters::kExtractorSuffix)
                             ? padded(tensor.unflatten(0, {groups, kRank / groups})).flatten(0, 1)
                             : tensor);
  }
  return StateDict(std::move(entries));
}

/// Of an adapted layer of 6 outputs, one of two groups of 4, and a head.
StateDict drawn(double bound, Seed seed) {
  const auto tensor = [&](std::vector<std::int64_t> shape, const char* name) {
    return adapters::uniform_tensor(shape, bound, seed.derive(name));
  };
  return StateDict({{"conv.extractor", tensor({kRank, 3, 3, 3}, "a")},
                    {"conv.mapper", tensor({6, kRank, 1, 1}, "b")},
                    {"grouped.extractor", tensor({kRank, 2, 1, 1}, "c")},
                    {"grouped.mapper", tensor({8, kRank / 2, 1, 1}, "d")},
                    {"fc.weight", tensor({3, 4}, "e")}});
}

/// With mappers of zeros.
StateDict start_of(std::int64_t residual) {
  StateDict start = drawn(1, Seed{3});
  for (const auto& [name, tensor] : start) {
    if (!name.ends_with(adapters::kExtractorSuffix)) {
      at::Tensor(tensor).zero_();
    }
  }
  return widened(start, residual);
}

/// Everything but the residual changes.
std::vector<ClientUpdate> updates_of(std::int64_t residual, int round) {
  std::vector<ClientUpdate> all;
  for (int i = 0; i < kClients; ++i) {
    const Seed seed =
        Seed{7}.derive("client", std::to_string(i), static_cast<std::uint64_t>(round));
    all.push_back({{std::to_string(i)}, 1 + i, widened(drawn(0.5, seed), residual)});
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
      const auto updates = updates_of(kEnough, round);
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
    const auto updates = updates_of(residual, 1);
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

/// It is the coordinator's: what a client says of it does not count.
TEST(ResidualRules, LeaveOutWhatAClientSaysOfTheResidual) {
  constexpr std::int64_t kSome = 4;
  const StateDict state = start_of(kSome);
  auto updates = updates_of(kSome, 1);
  const RuleOptions options{.aggregation = "residual", .residual_rank = kSome};
  const Aggregate honest = aggregate(options, state, updates);
  updates[2].delta.at("conv.mapper").slice(1, kRank).fill_(1);
  updates[2].delta.at("conv.extractor").slice(0, kRank).fill_(1);
  const Aggregate other = aggregate(options, state, updates);
  for (const auto& [name, tensor] : honest.pseudo_gradient) {
    EXPECT_TRUE(lorae::testing::same_bits(other.pseudo_gradient.at(name), tensor)) << name;
  }
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
