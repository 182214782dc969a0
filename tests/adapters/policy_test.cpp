#include "adapters/policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lorae::adapters {
namespace {

/// A stem, a thin and a wide convolution, a pointwise and a depthwise one, a predictor, an MLP and
/// the head.
std::vector<LayerShape> layers() {
  return {{.name = "conv1", .in = 3, .out = 16, .kernel = 3, .norm_follows = true},
          {.name = "layer1.0.conv1", .in = 16, .out = 16, .kernel = 3, .norm_follows = true},
          {.name = "layer4.1.conv2", .in = 512, .out = 512, .kernel = 3, .norm_follows = true},
          {.name = "layer4.1.conv3", .in = 512, .out = 64, .kernel = 1, .norm_follows = true},
          {.name = "dw", .in = 64, .out = 64, .kernel = 3, .groups = 64, .norm_follows = true},
          {.name = "predict", .in = 64, .out = 20, .kernel = 1},
          {.name = "mlp", .in = 64, .out = 128},
          {.name = "fc", .in = 64, .out = 10, .head = true}};
}

std::string taken(const LoraeOptions& options) {
  const Policy policy(options);
  std::string names;
  for (const LayerShape& layer : layers()) {
    if (policy.adapter(layer)) {
      names += (names.empty() ? "" : " ") + layer.name;
    }
  }
  return names;
}

TEST(Policy, RulesAndNamesChooseLayers) {
  EXPECT_EQ(taken({.targets = "all"}), "conv1 layer1.0.conv1 layer4.1.conv2 layer4.1.conv3");
  EXPECT_EQ(taken({.targets = "spatial"}), "conv1 layer1.0.conv1 layer4.1.conv2");
  // At rank 16, conv1's adapter of 688 numbers is larger than its weight of 432.
  EXPECT_EQ(taken({.targets = "efficient", .rank = 16}), "layer4.1.conv2 layer4.1.conv3");
  EXPECT_EQ(taken({.targets = "efficient", .rank = 8}),
            "conv1 layer1.0.conv1 layer4.1.conv2 layer4.1.conv3");
  EXPECT_EQ(taken({.targets = "grouped"}), "dw");
  EXPECT_EQ(taken({.targets = "linear"}), "mlp");
  EXPECT_EQ(taken({.targets = " linear ,grouped"}), "dw mlp");
  EXPECT_EQ(taken({.targets = "layer[34].*"}), "layer4.1.conv2 layer4.1.conv3");
  EXPECT_EQ(taken({.targets = "predict, fc"}), "predict fc");
  EXPECT_EQ(taken({.targets = "all, !*.conv3, !conv1"}), "layer1.0.conv1 layer4.1.conv2");
}

TEST(Policy, AResidualComesBehindTheRankAndDoesNotScale) {
  const Policy policy({.targets = "all, grouped", .rank = 8, .residual_rank = 128, .alpha = 16});
  const auto dense = *policy.adapter(layers()[0]), grouped = *policy.adapter(layers()[4]);
  EXPECT_EQ(dense.rank, 8 + 128);
  EXPECT_EQ(dense.residual, 128);
  EXPECT_EQ(dense.scaling, 2);
  EXPECT_EQ(grouped.rank, 1 + 2) << "of each of 64 groups";
  EXPECT_EQ(grouped.residual, 2);
  EXPECT_EQ(policy.adapter(layers()[1])->numel(layers()[1]), (8 + 128) * (16 * 9 + 16));
  EXPECT_EQ(taken({.targets = "efficient", .rank = 16, .residual_rank = 128}),
            taken({.targets = "efficient", .rank = 16}))
      << "what is trained counts";
}

TEST(Policy, TheFirstExceptionThatMatchesSetsTheRank) {
  const Policy policy({.rank = 8, .alpha = 16, .ranks = "*.conv2=32/8, layer4.*=4"});
  const auto at = [&](std::size_t i) { return *policy.adapter(layers()[i]); };
  EXPECT_EQ(at(0).rank, 8);
  EXPECT_EQ(at(0).scaling, 2);
  EXPECT_EQ(at(2).rank, 32);
  EXPECT_EQ(at(2).scaling, 0.25);
  EXPECT_EQ(at(3).rank, 4);
  EXPECT_EQ(at(3).alpha, 16);
}

TEST(Policy, RankStabilisedScalingDividesByTheRoot) {
  const Policy policy({.rank = 16, .alpha = 8, .scaling = "rslora"});
  EXPECT_EQ(policy.adapter(layers()[0])->scaling, 2);
}

TEST(Policy, GroupsShareTheRank) {
  LayerShape layer{.name = "g", .in = 32, .out = 64, .kernel = 3, .groups = 4};
  const Policy policy({.targets = "grouped", .rank = 8});
  EXPECT_EQ(policy.adapter(layer)->rank, 2);
  // Extractor 4 * 2 filters of 8 channels, mapper 64 rows of 2.
  EXPECT_EQ(policy.adapter(layer)->numel(layer), 8 * 8 * 9 + 64 * 2);
  EXPECT_EQ(policy.adapter(layers()[4])->rank, 1);
}

void expect_refused(const LoraeOptions& options, const std::string& message) {
  try {
    Policy(options).check_matches(layers());
    ADD_FAILURE() << "accepted: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(Policy, RefusesWhatMakesNoSense) {
  expect_refused({.targets = ""}, "'' takes no layer");
  expect_refused({.targets = "!all"}, "'!all' takes no layer");
  expect_refused({.targets = "all, !"}, "'!' names nothing");
  expect_refused({.targets = "al"}, "'al' matches no layer of this model; its first is 'conv1'");
  expect_refused({.targets = "all, !layer9.*"}, "'layer9.*' matches no layer");
  expect_refused({.targets = "conv1, !all"}, "takes no layer of this model");
  expect_refused({.ranks = "layer7.*=4"}, "'layer7.*' matches no layer");
  for (const char* ranks : {"layer4.*", "layer4.*=", "layer4.*=x", "layer4.*=4/", "layer4.*=0",
                            "layer4.*=-4", "layer4.*=4/0", "layer4.*=4.5"}) {
    expect_refused({.ranks = ranks}, "expected PATTERN=RANK or PATTERN=RANK/ALPHA");
  }
  expect_refused({.ranks = "*=2000"}, "expected a rank of at most 1024");
  expect_refused({.ranks = "*=4/inf"}, "expected PATTERN=RANK or PATTERN=RANK/ALPHA");
  for (const double alpha : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_refused({.alpha = alpha}, "alpha: expected a number above 0");
  }
}

}  // namespace
}  // namespace lorae::adapters
