// Rules over products of factors, and the thin algebra behind them.
#include <algorithm>

#include "adapters/starts.h"
#include "aggregation/aggregator.h"
#include "aggregation/low_rank.h"
#include "base/seed.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using testing::relative_error;
using testing::same_bits;

constexpr double kExact = 1e-12;

at::Tensor drawn(std::vector<std::int64_t> shape, std::uint64_t seed) {
  return adapters::uniform_tensor(shape, 1, Seed{seed}).to(c10::kDouble);
}

LowRank matrices(std::int64_t rank, std::uint64_t seed) {
  return {drawn({2, 7, rank}, seed), drawn({2, rank, 11}, seed + 1)};
}

at::Tensor dense(const LowRank& a) {
  return at::bmm(a.left, a.right);
}

TEST(LowRank, NormsAndSumsAreThoseOfTheMatrices) {
  const LowRank a = matrices(3, 1), b = matrices(2, 3);
  EXPECT_LT(relative_error(dense(sum(a, scaled(b, -2))), dense(a) - 2 * dense(b)), kExact);
  EXPECT_NEAR(squared_norm(a) / dense(a).square().sum().item<double>(), 1, kExact);
  EXPECT_NEAR(squared_norm(sum(a, scaled(a, -1))), 0, kExact);
}

TEST(LowRank, TruncationIsTheNearestOfItsRank) {
  const LowRank a = matrices(5, 7);
  const at::Tensor values = std::get<1>(at::linalg_svd(dense(a), false));
  for (const std::int64_t rank : {1, 3, 5, 8}) {
    const LowRank kept = truncated(a, rank);
    EXPECT_EQ(kept.left.size(2), rank);
    EXPECT_EQ(kept.right.size(1), rank);
    const double left_out = rank < 5 ? values.slice(1, rank).square().sum().item<double>() : 0;
    EXPECT_NEAR((dense(a) - dense(kept)).square().sum().item<double>(), left_out, 1e-11);
    EXPECT_NEAR(squared_norm(sum(a, scaled(kept, -1))), left_out, 1e-11);
    EXPECT_LT(
        relative_error(at::bmm(kept.left.mT(), kept.left), at::bmm(kept.right, kept.right.mT())),
        kExact)
        << "split evenly";
  }
}

TEST(LowRank, TurningFindsBackAGaugeAndChangesNoMatrix) {
  const LowRank a = matrices(3, 11);
  const at::Tensor turn = std::get<0>(at::linalg_qr(drawn({2, 3, 3}, 13)));
  const LowRank other{at::bmm(a.left, turn.mT()), at::bmm(turn, a.right)};
  const LowRank back = turned(other, a);
  EXPECT_LT(relative_error(back.left, a.left), kExact);
  EXPECT_LT(relative_error(back.right, a.right), kExact);
  EXPECT_LT(relative_error(dense(turned(other, matrices(3, 17))), dense(a)), kExact);
}

/// An adapted layer, a grouped one, and a head.
StateDict state(std::uint64_t seed, double bound, bool same_extractors = false) {
  const Seed own{seed}, shared{99};
  const auto tensor = [&](std::vector<std::int64_t> shape, const char* name, bool fixed) {
    return adapters::uniform_tensor(shape, fixed ? 0 : bound, (fixed ? shared : own).derive(name));
  };
  return StateDict({{"conv.extractor", tensor({2, 3, 3, 3}, "a", same_extractors)},
                    {"conv.mapper", tensor({5, 2, 1, 1}, "b", false)},
                    {"grouped.extractor", tensor({4, 2, 1, 1}, "c", same_extractors)},
                    {"grouped.mapper", tensor({6, 2, 1, 1}, "d", false)},
                    {"fc.weight", tensor({3, 5}, "e", false)}});
}

std::vector<ClientUpdate> updates(int count, bool same_extractors = false) {
  std::vector<ClientUpdate> all;
  for (int i = 0; i < count; ++i) {
    all.push_back({{std::to_string(i)},
                   1 + i,
                   state(50 + static_cast<std::uint64_t>(i), 0.5, same_extractors)});
  }
  return all;
}

Aggregate aggregate(const RuleOptions& options, const std::vector<ClientUpdate>& all) {
  const StateDict base = state(1, 1);
  const auto rule = make_aggregator(options);
  rule->begin(base);
  std::ranges::for_each(all, [&](const ClientUpdate& one) { rule->add(one); });
  return rule->finish();
}

/// B A of both layers, a matrix for each group: of the base and what is added to it.
std::vector<at::Tensor> products(const StateDict& delta) {
  const StateDict base = state(1, 1);
  const auto whole = [&](const char* name, std::vector<std::int64_t> shape) {
    return (base.at(name).to(c10::kDouble) + delta.at(name).to(c10::kDouble)).reshape(shape);
  };
  return {at::bmm(whole("conv.mapper", {1, 5, 2}), whole("conv.extractor", {1, 2, 27})),
          at::bmm(whole("grouped.mapper", {2, 3, 2}), whole("grouped.extractor", {2, 2, 2}))};
}

std::vector<at::Tensor> mean_of_products(const std::vector<ClientUpdate>& all) {
  double total = 0;
  for (const ClientUpdate& one : all) {
    total += static_cast<double>(one.weight);
  }
  std::vector<at::Tensor> sums;
  for (const ClientUpdate& one : all) {
    const auto own = products(one.delta);
    for (std::size_t i = 0; i < own.size(); ++i) {
      const at::Tensor part = own[i] * (static_cast<double>(one.weight) / total);
      i < sums.size() ? sums[i].add_(part) : sums.emplace_back(part);
    }
  }
  return sums;
}

TEST(ProductMean, IsTheNearestProductOfTheRank) {
  const auto all = updates(6);
  const auto made = products(aggregate({.aggregation = "product_mean"}, all).pseudo_gradient);
  const auto wanted = mean_of_products(all);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const auto [u, s, v] = at::linalg_svd(wanted[i], false);
    const at::Tensor nearest =
        at::bmm(u.slice(2, 0, 2) * s.slice(1, 0, 2).unsqueeze(1), v.slice(1, 0, 2));
    EXPECT_LT(relative_error(made[i], nearest), 1e-10) << i;
  }
}

TEST(ProductMean, OfOneClientIsThatClient) {
  const auto all = updates(1);
  const Aggregate result = aggregate({.aggregation = "product_mean"}, all);
  const auto made = products(result.pseudo_gradient);
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_LT(relative_error(made[i], products(all[0].delta)[i]), 1e-10);
  }
  EXPECT_TRUE(
      result.pseudo_gradient.at("fc.weight").equal(all[0].delta.at("fc.weight").to(c10::kDouble)))
      << "what is no factor is averaged";
}

TEST(LoraFair, SolvesItsObjective) {
  const auto all = updates(5);
  const StateDict mean = aggregate({.aggregation = "factor_mean"}, all).pseudo_gradient;
  const StateDict fair = aggregate({.aggregation = "lora_fair"}, all).pseudo_gradient;
  EXPECT_LT(relative_error(fair.at("conv.extractor"), mean.at("conv.extractor")), kExact);
  const StateDict base = state(1, 1);
  const auto matrix = [&](const StateDict& delta, const char* name, std::int64_t rows) {
    return (base.at(name).to(c10::kDouble) + delta.at(name)).reshape({rows, -1});
  };
  const at::Tensor a = matrix(mean, "conv.extractor", 2), b = matrix(mean, "conv.mapper", 5),
                   f = matrix(fair, "conv.mapper", 5), m = mean_of_products(all)[0][0];
  const double hold = 0.01 * a.matmul(a.t()).diagonal().mean().item<double>();
  const at::Tensor slope = (m - f.matmul(a)).matmul(a.t()) - hold * (f - b);
  EXPECT_LT(slope.abs().max().item<double>(), 1e-11) << "a place where nothing gets better";
  EXPECT_LT((m - f.matmul(a)).norm().item<double>(), (m - b.matmul(a)).norm().item<double>());
}

TEST(ProductError, IsHowFarARuleIsFromTheMeanOfTheProducts) {
  const auto all = updates(6);
  for (const std::string_view name : rule_names()) {
    const RuleOptions options{
        .aggregation = std::string(name), .measure_error = true, .residual_rank = 1};
    const Aggregate result = aggregate(options, all);
    const auto made = products(result.pseudo_gradient), wanted = mean_of_products(all);
    double whole = 0, error = 0;
    for (std::size_t i = 0; i < made.size(); ++i) {
      whole += wanted[i].square().sum().item<double>();
      error += (wanted[i] - made[i]).square().sum().item<double>();
    }
    EXPECT_NEAR(result.report.find("aggregation/product_error").value(), std::sqrt(error / whole),
                1e-9)
        << name;
    EXPECT_GT(error, 0) << name << ": these updates are too easy";
  }
  // With extractors that nobody trains the mean of the mappers is exact.
  const Aggregate exact =
      aggregate({.aggregation = "factor_mean", .measure_error = true}, updates(6, true));
  EXPECT_LT(exact.report.find("aggregation/product_error").value(), 1e-7);
}

TEST(ProductRules, DoNotDependOnTheOrder) {
  auto all = updates(7);
  Random random = Seed{5}.random();
  for (const char* rule : {"product_mean", "lora_fair", "residual", "stacking"}) {
    const RuleOptions options{.aggregation = rule, .measure_error = true, .residual_rank = 1};
    const Aggregate expected = aggregate(options, all);
    for (int i = 0; i < 10; ++i) {
      random.shuffle(std::span(all));
      const Aggregate again = aggregate(options, all);
      for (const auto& [name, tensor] : expected.pseudo_gradient) {
        EXPECT_TRUE(same_bits(again.pseudo_gradient.at(name), tensor)) << rule << ' ' << name;
      }
      EXPECT_EQ(again.report, expected.report);
    }
  }
}

}  // namespace
}  // namespace lorae::aggregation
