#include "aggregation/optimizers/adaptive.h"

#include <array>
#include <cmath>

#include "adapters/conv2d.h"
#include "adapters/starts.h"
#include "aggregation/optimizers/sgd.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

using testing::expect_error;
using testing::same_bits;

StateDict global(std::vector<float> values) {
  return StateDict({{"w", torch::tensor(values)}});
}

StateDict gradient(std::vector<double> values) {
  return StateDict({{"w", torch::tensor(values, torch::kDouble)}});
}

StateDict random_global(std::uint64_t seed) {
  return StateDict({{"w", adapters::uniform_tensor({3, 7}, 1.0, Seed{seed})}});
}

StateDict random_gradient(std::uint64_t seed) {
  return StateDict(
      {{"w", adapters::uniform_tensor({3, 7}, 1.0, Seed{seed}).to(torch::kDouble) / 3}});
}

TEST(Sgd, TakesTheStepsComputedByHand) {
  Sgd server({.learning_rate = 0.5, .momentum = 0.5});
  const StateDict model = global({1, 2});

  server.step_(model, gradient({2, -4}));  // v = 2, -4
  EXPECT_TRUE(model.at("w").equal(torch::tensor({2.0F, 0.0F})));
  EXPECT_TRUE(server.state().at("w").equal(torch::tensor({2.0F, -4.0F})));

  server.step_(model, gradient({1, 1}));  // v = 0.5 * 2 + 1, 0.5 * -4 + 1
  EXPECT_TRUE(model.at("w").equal(torch::tensor({3.0F, -0.5F})));
  EXPECT_TRUE(server.state().at("w").equal(torch::tensor({2.0F, -1.0F})));
}

TEST(Sgd, IsPlainFedAvgWithRateOneAndNoMomentum) {
  Sgd server({.learning_rate = 1, .momentum = 0});
  const StateDict model = global({1, 2});
  server.step_(model, gradient({0.25, -1}));
  server.step_(model, gradient({0.5, 3}));
  EXPECT_TRUE(model.at("w").equal(torch::tensor({1.75F, 4.0F})));
}

TEST(Sgd, RoundsToFloatOnceFromDouble) {
  Sgd server({.learning_rate = 1, .momentum = 0});
  const StateDict model = global({16777216});  // 2^24: the next float32 is 2 away
  server.step_(model, gradient({1.5}));
  EXPECT_EQ(model.at("w").item<float>(), 16777218.0F);
}

TEST(Sgd, StepsInPlaceAndKeepsTheDtype) {
  Sgd server({});
  const StateDict model = random_global(1);
  const void* storage = model.at("w").data_ptr();
  const StateDict pseudo_gradient = random_gradient(2);
  const StateDict before = pseudo_gradient.clone();
  server.step_(model, pseudo_gradient);
  EXPECT_EQ(model.at("w").data_ptr(), storage);
  EXPECT_EQ(model.at("w").scalar_type(), torch::kFloat);
  EXPECT_EQ(server.state().at("w").scalar_type(), torch::kFloat);
  EXPECT_TRUE(same_bits(pseudo_gradient, before));
}

TEST(Sgd, HasNoStateBeforeTheFirstStep) {
  EXPECT_TRUE(Sgd({}).state().empty());
}

TEST(Sgd, GoesOnBitForBitAfterARestore) {
  const ServerOptions options{.learning_rate = 0.3, .momentum = 0.7};
  Sgd whole(options);
  const StateDict model = random_global(1);
  whole.step_(model, random_gradient(2));
  whole.step_(model, random_gradient(3));
  Sgd resumed(options);
  resumed.restore(whole.state().clone());
  const StateDict resumed_model = model.clone();

  whole.step_(model, random_gradient(4));
  resumed.step_(resumed_model, random_gradient(4));

  EXPECT_TRUE(same_bits(resumed_model, model));
  EXPECT_TRUE(same_bits(resumed.state(), whole.state()));
}

TEST(Sgd, ForgettingTheMomentumWouldShow) {
  const ServerOptions options{.learning_rate = 0.3, .momentum = 0.7};
  Sgd whole(options);
  const StateDict model = random_global(1);
  whole.step_(model, random_gradient(2));
  const StateDict forgetful_model = model.clone();
  whole.step_(model, random_gradient(3));
  Sgd(options).step_(forgetful_model, random_gradient(3));
  EXPECT_FALSE(same_bits(forgetful_model, model));
}

TEST(Sgd, RefusesAGradientOfAnotherModelAndChangesNothing) {
  Sgd server({});
  const StateDict model = global({1, 2});
  expect_error(
      ErrorCode::kIncompatible, [&] { server.step_(model, gradient({1})); },
      "'w': expected shape [2], got [1]");
  EXPECT_TRUE(model.at("w").equal(torch::tensor({1.0F, 2.0F})));
}

TEST(Sgd, RefusesAMomentumOfAnotherModel) {
  Sgd server({});
  server.restore(global({1, 2, 3}));
  expect_error(
      ErrorCode::kIncompatible,
      [&] {
        server.step_(global({1, 2}), gradient({1, 1}));
      },
      "'w': expected shape [2], got [3]");
}

/// One number, stepped by hand-made second moments.
struct ByHand {
  double m = 0, v = 0, w = 0;

  template <typename Moment>
  void step(double d, const ServerOptions& o, Moment&& moment) {
    m = static_cast<float>(o.beta1 * m + (1 - o.beta1) * d);
    v = static_cast<float>(moment(v, d * d));
    w = static_cast<float>(w + o.learning_rate * m / (std::sqrt(v) + o.tau));
  }
};

template <typename Moment>
void expect_formula(const std::string& name, Moment&& moment) {
  const ServerOptions options{
      .name = name, .learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.9, .tau = 0.01};
  const auto server = make_server_optimizer(options);
  const StateDict model = global({1, 1, 1});
  const std::array<std::array<double, 3>, 3> gradients = {
      {{0.5, -0.03, 0}, {-0.25, 0.02, 0}, {0.001, -2, 0}}};
  std::array<ByHand, 3> expected;
  expected.fill({.v = options.tau * options.tau, .w = 1});
  for (const auto& d : gradients) {
    server->step_(model, gradient({d[0], d[1], d[2]}));
    for (std::size_t i = 0; i < 3; ++i) {
      expected[i].step(d[i], options, moment);
      EXPECT_NEAR(model.at("w")[static_cast<std::int64_t>(i)].item<float>(), expected[i].w, 1e-6)
          << name << ' ' << i;
    }
  }
  EXPECT_EQ(model.at("w")[2].item<float>(), 1.0F) << "no gradient, no step";
}

TEST(Adaptive, TakesTheStepsOfThePaper) {
  expect_formula("adam", [](double v, double square) { return 0.9 * v + 0.1 * square; });
  expect_formula("yogi", [](double v, double square) {
    return v - 0.1 * square * (v > square ? 1 : v < square ? -1 : 0);
  });
  expect_formula("adagrad", [](double v, double square) { return v + square; });
}

TEST(Adaptive, GoesOnBitForBitAfterARestore) {
  for (const char* name : {"adam", "yogi", "adagrad"}) {
    const ServerOptions options{.name = name};
    const auto whole = make_server_optimizer(options);
    EXPECT_TRUE(whole->state().empty());
    const StateDict model = random_global(1);
    whole->step_(model, random_gradient(2));
    const auto resumed = make_server_optimizer(options);
    resumed->restore(whole->state().clone());
    const StateDict resumed_model = model.clone();

    whole->step_(model, random_gradient(3));
    resumed->step_(resumed_model, random_gradient(3));

    EXPECT_TRUE(same_bits(resumed_model, model)) << name;
    EXPECT_TRUE(same_bits(resumed->state(), whole->state())) << name;
  }
}

TEST(Adaptive, RefusesTheStateOfAnotherOptimiser) {
  expect_error(
      ErrorCode::kIncompatible,
      [] { make_server_optimizer({.name = "adam"})->restore(global({1})); },
      "was the file written by another server optimiser?");
}

TEST(ServerOptimizers, AreChosenByName) {
  EXPECT_EQ(server_optimizer_names(),
            (std::vector<std::string_view>{"sgd", "adam", "yogi", "adagrad"}));
  for (const std::string_view name : server_optimizer_names()) {
    const StateDict model = global({1, 2});
    make_server_optimizer({.name = std::string(name)})->step_(model, gradient({1, 1}));
    EXPECT_GT(model.at("w")[0].item<float>(), 1.0F) << name;
  }
  expect_error(
      ErrorCode::kInvalidConfig, [] { make_server_optimizer({.name = "lion"}); },
      "no optimiser 'lion'");
}

}  // namespace
}  // namespace lorae::aggregation
