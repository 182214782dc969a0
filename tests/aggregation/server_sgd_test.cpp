#include "aggregation/server_sgd.h"

#include "adapters/conv2d.h"
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

TEST(ServerSgd, TakesTheStepsComputedByHand) {
  ServerSgd server({.learning_rate = 0.5, .momentum = 0.5});
  const StateDict model = global({1, 2});

  server.step_(model, gradient({2, -4}));  // v = 2, -4
  EXPECT_TRUE(model.at("w").equal(torch::tensor({2.0F, 0.0F})));
  EXPECT_TRUE(server.state().at("w").equal(torch::tensor({2.0F, -4.0F})));

  server.step_(model, gradient({1, 1}));  // v = 0.5 * 2 + 1, 0.5 * -4 + 1
  EXPECT_TRUE(model.at("w").equal(torch::tensor({3.0F, -0.5F})));
  EXPECT_TRUE(server.state().at("w").equal(torch::tensor({2.0F, -1.0F})));
}

TEST(ServerSgd, IsPlainFedAvgWithRateOneAndNoMomentum) {
  ServerSgd server({.learning_rate = 1, .momentum = 0});
  const StateDict model = global({1, 2});
  server.step_(model, gradient({0.25, -1}));
  server.step_(model, gradient({0.5, 3}));
  EXPECT_TRUE(model.at("w").equal(torch::tensor({1.75F, 4.0F})));
}

TEST(ServerSgd, RoundsToFloatOnceFromDouble) {
  ServerSgd server({.learning_rate = 1, .momentum = 0});
  const StateDict model = global({16777216});  // 2^24: the next float32 is 2 away
  server.step_(model, gradient({1.5}));
  EXPECT_EQ(model.at("w").item<float>(), 16777218.0F);
}

TEST(ServerSgd, StepsInPlaceAndKeepsTheDtype) {
  ServerSgd server({});
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

TEST(ServerSgd, HasNoStateBeforeTheFirstStep) {
  EXPECT_TRUE(ServerSgd({}).state().empty());
}

TEST(ServerSgd, GoesOnBitForBitAfterARestore) {
  const ServerOptions options{.learning_rate = 0.3, .momentum = 0.7};
  ServerSgd whole(options);
  const StateDict model = random_global(1);
  whole.step_(model, random_gradient(2));
  whole.step_(model, random_gradient(3));
  ServerSgd resumed(options);
  resumed.restore(whole.state().clone());
  const StateDict resumed_model = model.clone();

  whole.step_(model, random_gradient(4));
  resumed.step_(resumed_model, random_gradient(4));

  EXPECT_TRUE(same_bits(resumed_model, model));
  EXPECT_TRUE(same_bits(resumed.state(), whole.state()));
}

TEST(ServerSgd, ForgettingTheMomentumWouldShow) {
  const ServerOptions options{.learning_rate = 0.3, .momentum = 0.7};
  ServerSgd whole(options);
  const StateDict model = random_global(1);
  whole.step_(model, random_gradient(2));
  const StateDict forgetful_model = model.clone();
  whole.step_(model, random_gradient(3));
  ServerSgd(options).step_(forgetful_model, random_gradient(3));
  EXPECT_FALSE(same_bits(forgetful_model, model));
}

TEST(ServerSgd, RefusesAGradientOfAnotherModelAndChangesNothing) {
  ServerSgd server({});
  const StateDict model = global({1, 2});
  expect_error(
      ErrorCode::kIncompatible, [&] { server.step_(model, gradient({1})); },
      "'w': expected shape [2], got [1]");
  EXPECT_TRUE(model.at("w").equal(torch::tensor({1.0F, 2.0F})));
}

TEST(ServerSgd, RefusesAMomentumOfAnotherModel) {
  ServerSgd server({});
  server.restore(global({1, 2, 3}));
  expect_error(
      ErrorCode::kIncompatible,
      [&] {
        server.step_(global({1, 2}), gradient({1, 1}));
      },
      "'w': expected shape [2], got [3]");
}

}  // namespace
}  // namespace lorae::aggregation
