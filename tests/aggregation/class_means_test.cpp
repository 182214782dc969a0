// Heads that start from class means.
#include "aggregation/rules/class_means.h"

#include <map>

#include "base/seed.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using testing::expect_error;
using testing::relative_error;

constexpr std::int64_t kClasses = 4, kFeatures = 6, kClients = 5;

struct Example {
  std::int64_t label = 0;
  at::Tensor feature;  // float64 [kFeatures]
};

/// Examples of the first `classes` classes, client by client; none has them all.
std::vector<std::vector<Example>> drawn(std::int64_t classes) {
  Random random = Seed{5}.random();
  std::vector<std::vector<Example>> clients(kClients);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    for (std::size_t j = 0; j < 6 + i; ++j) {
      const auto label = static_cast<std::int64_t>((i + j % 3) % static_cast<std::size_t>(classes));
      std::vector<double> values(kFeatures);
      for (std::size_t k = 0; k < values.size(); ++k) {
        values[k] = 2 + random.normal() + (k % kClasses == static_cast<std::size_t>(label) ? 3 : 0);
      }
      clients[i].push_back({label, torch::tensor(values, torch::kFloat64)});
    }
  }
  return clients;
}

ClientUpdate update_of(const std::string& name, const std::vector<Example>& examples) {
  const at::Tensor weight = torch::zeros({kClasses, kFeatures}, torch::kFloat64);
  const at::Tensor bias = torch::zeros({kClasses}, torch::kFloat64);
  for (const auto& [label, feature] : examples) {
    weight[label].add_(feature);
    bias[label].add_(1);
  }
  const auto count = static_cast<double>(examples.size());
  return {.client = {name},
          .weight = 1,
          .delta = StateDict({{"conv.mapper", torch::zeros({2, 2})},
                              {"fc.weight", (weight / count).to(torch::kFloat)},
                              {"fc.bias", (bias / count).to(torch::kFloat)}}),
          .work = {.examples = std::ssize(examples)}};
}

StateDict base() {
  return StateDict({{"conv.mapper", torch::ones({2, 2})},
                    {"fc.weight", torch::full({kClasses, kFeatures}, 0.5)},
                    {"fc.bias", torch::full({kClasses}, 0.25)}});
}

ClassMeans begun() {
  ClassMeans rule({"fc.weight", "fc.bias"});
  rule.begin(base());
  return rule;
}

/// The head of a round's result.
struct Head {
  explicit Head(const Aggregate& result)
      : weight(base().at("fc.weight") + result.pseudo_gradient.at("fc.weight")),
        bias(base().at("fc.bias") + result.pseudo_gradient.at("fc.bias")) {}
  at::Tensor logits(const at::Tensor& feature) const { return weight.mv(feature) + bias; }

  at::Tensor weight, bias;
};

at::Tensor mean_of(const std::vector<at::Tensor>& features) {
  return at::stack(features).mean(0);
}

/// Logits are squared distances to means, but for what all classes share; at their own mean they
/// are ahead of another class by kSharpness, on average over both.
TEST(ClassMeans, MakeAHeadThatTakesTheNearestMean) {
  const auto clients = drawn(kClasses);
  ClassMeans rule = begun();
  std::map<std::int64_t, std::vector<at::Tensor>> by_class;
  std::vector<at::Tensor> all;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    rule.add(update_of(std::to_string(i), clients[i]));
    for (const auto& [label, feature] : clients[i]) {
      by_class[label].push_back(feature);
      all.push_back(feature);
    }
  }

  const Aggregate result = rule.finish();

  EXPECT_TRUE(result.whole);
  EXPECT_EQ(result.report.find("aggregation/classes_seen"), 4.0);
  EXPECT_EQ(result.pseudo_gradient.at("conv.mapper").count_nonzero().item<std::int64_t>(), 0);
  const Head head(result);
  std::vector<at::Tensor> means;
  double unit = 0;
  for (const auto& [label, features] : by_class) {
    means.push_back(mean_of(features));
    unit += (means.back() - mean_of(all)).square().sum().item<double>() / kClasses;
  }
  for (const at::Tensor& feature : all) {
    std::vector<double> expected;
    for (const at::Tensor& mean : means) {
      expected.push_back(-ClassMeans::kSharpness / unit / 2 *
                         (feature - mean).square().sum().item<double>());
    }
    const at::Tensor wanted = torch::tensor(expected, torch::kFloat64);
    const at::Tensor logits = head.logits(feature);
    EXPECT_LT(relative_error(logits - logits[0], wanted - wanted[0]), 1e-5);
  }
}

TEST(ClassMeans, GiveTheSameBitsInEveryOrderAndInParts) {
  const auto clients = drawn(kClasses);
  ClassMeans forward = begun(), backward = begun(), part = begun();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::size_t last = clients.size() - 1 - i;
    forward.add(update_of(std::to_string(i), clients[i]));
    (i % 2 == 0 ? backward : part).add(update_of(std::to_string(last), clients[last]));
  }
  EXPECT_TRUE(backward.merge(part));
  const StateDict expected = forward.finish().pseudo_gradient;
  EXPECT_EQ(digest_of(backward.finish().pseudo_gradient), digest_of(expected));
}

/// Features that hardly differ would need a head of huge weights.
TEST(ClassMeans, AHeadGrowsNoFurtherThanALatticeReaches) {
  auto clients = drawn(kClasses);
  ClassMeans rule = begun();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    for (Example& example : clients[i]) {
      example.feature.mul_(0.01).add_(1);
    }
    rule.add(update_of(std::to_string(i), clients[i]));
  }
  const Head head(rule.finish());
  const double most_weight = head.weight.abs().max().item<double>(),
               most_bias = head.bias.abs().max().item<double>();
  EXPECT_LE(most_weight, 0.5 * ClassMeans::kMostGrowth * 1.000001);
  EXPECT_LE(most_bias, ClassMeans::kMostBias * 1.000001);
  EXPECT_GT(
      std::max(most_weight / (0.5 * ClassMeans::kMostGrowth), most_bias / ClassMeans::kMostBias),
      0.999)
      << "as far as it may";
}

/// Of weights that are all zero nothing can be a multiple.
TEST(ClassMeans, AHeadOfZerosIsStartedToo) {
  ClassMeans rule({"fc.weight", "fc.bias"});
  const StateDict zeros = map(base(), [](const at::Tensor& t) { return torch::zeros_like(t); });
  rule.begin(zeros);
  const auto clients = drawn(kClasses);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    rule.add(update_of(std::to_string(i), clients[i]));
  }
  const StateDict step = rule.finish().pseudo_gradient;
  EXPECT_GT(step.at("fc.weight").abs().max().item<double>(), 0.01);
  EXPECT_LE(step.at("fc.weight").abs().max().item<double>(), ClassMeans::kMostOfZeros * 1.000001);
}

/// What nobody has is as far away as the farthest class, and no feature leads there.
TEST(ClassMeans, LeaveAClassThatNobodyHasLast) {
  ClassMeans rule = begun();
  const auto clients = drawn(kClasses - 1);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    rule.add(update_of(std::to_string(i), clients[i]));
  }
  const Aggregate result = rule.finish();
  EXPECT_EQ(result.report.find("aggregation/classes_seen"), 3.0);
  const Head head(result);
  EXPECT_LT(head.weight[kClasses - 1].abs().max().item<double>(), 1e-12);
  for (const auto& examples : clients) {
    for (const auto& [label, feature] : examples) {
      EXPECT_NE(head.logits(feature).argmax().item<std::int64_t>(), kClasses - 1);
    }
  }
}

TEST(ClassMeans, OfASingleClassChangeNothing) {
  ClassMeans rule = begun();
  rule.add(update_of("a", drawn(1).front()));
  const Aggregate result = rule.finish();
  for (const auto& [name, step] : result.pseudo_gradient) {
    EXPECT_EQ(step.count_nonzero().item<std::int64_t>(), 0) << name;
  }
}

/// As a client sends it that trains, because it does not know better.
TEST(ClassMeans, RefuseWhatIsNoSum) {
  ClassMeans rule = begun();
  for (const char* name : {"conv.mapper", "fc.bias"}) {
    ClientUpdate trained = update_of("a", drawn(kClasses).front());
    trained.delta.at(name).flatten()[0] = -0.001;
    expect_error(
        ErrorCode::kCorruptData, [&] { rule.add(trained); }, name);
  }
  expect_error(
      ErrorCode::kInvalidArgument, [&] { rule.finish(); }, "nothing was added");
}

TEST(ClassMeans, RefuseWhatIsNoNumberAndOneThatIsEmpty) {
  ClassMeans rule = begun();
  ClientUpdate bad = update_of("a", drawn(kClasses).front());
  bad.delta.at("fc.weight")[0][0] = std::nan("");
  expect_error(
      ErrorCode::kCorruptData, [&] { rule.add(bad); }, "fc.weight");
  expect_error(
      ErrorCode::kInvalidArgument, [&] { rule.finish(); }, "nothing was added");
}

}  // namespace
}  // namespace lorae::aggregation
