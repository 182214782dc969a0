#include "training/plan.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::training {
namespace {

using lorae::testing::expect_error;

/// Every field differs from its default.
Plan unusual_plan() {
  return {.seed = 1ULL << 62U,
          .model = {.name = "resnet18",
                    .classes = 37,
                    .channels = 3,
                    .height = 64,
                    .width = 48,
                    .pool = 1,
                    .mean = {0.1, 0.2, 0.3},
                    .standard_deviation = {1.0 / 3.0}},
          .task = {.classes = {"a cat", "\"dog\""}},
          .data = {.path = "/a folder/with \"quotes\" and \\ and # and gr\xc3\xbc\xc3\x9f",
                   .public_images = 101,
                   .private_images = 11,
                   .test_images = 12,
                   .partition = data::Deal::kIid,
                   .dirichlet_alpha = 1e-2,
                   .min_images = 3,
                   .shift = Shift::kRotateInvert,
                   .damaged = data::Damaged::kSkip},
          .training = {.local_epochs = 7,
                       .batch_size = 1,
                       .optimizer = "adamw",
                       .momentum = 0.123456789012345678,
                       .weight_decay = 1e-5,
                       .clip_norm = 0,
                       .holdout = 0.125,
                       .precision = Precision::kBfloat16},
          .method = {.name = "mine",
                     .kind = adapters::Kind::kHead,
                     .lorae = {.targets = "spatial, !conv1",
                               .rank = 3,
                               .residual_rank = 5,
                               .alpha = 1e5,
                               .ranks = "layer4.*=16/32",
                               .scaling = "rslora",
                               .extractor_init = adapters::ExtractorInit::kOrthonormal},
                     .head = adapters::Head::kNone,
                     .norm = adapters::Norm::kAffine,
                     .head_start = HeadStart::kClassMeans,
                     .learning_rate = 1e-9,
                     .mapper_learning_rate_ratio = 2.5,
                     .uplink = "delta,int8:row,zstd:9",
                     .downlink = "float32"}};
}

void expect_equal(const Plan& a, const Plan& b) {
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.model.name, b.model.name);
  EXPECT_EQ(a.model.classes, b.model.classes);
  EXPECT_EQ(a.model.channels, b.model.channels);
  EXPECT_EQ(a.model.height, b.model.height);
  EXPECT_EQ(a.model.width, b.model.width);
  EXPECT_EQ(a.model.pool, b.model.pool);
  EXPECT_EQ(a.model.mean, b.model.mean);
  EXPECT_EQ(a.model.standard_deviation, b.model.standard_deviation);
  EXPECT_EQ(a.task.name, b.task.name);
  EXPECT_EQ(a.task.classes, b.task.classes);
  EXPECT_EQ(a.data.path, b.data.path);
  EXPECT_EQ(a.data.public_images, b.data.public_images);
  EXPECT_EQ(a.data.private_images, b.data.private_images);
  EXPECT_EQ(a.data.test_images, b.data.test_images);
  EXPECT_EQ(a.data.partition, b.data.partition);
  EXPECT_EQ(a.data.dirichlet_alpha, b.data.dirichlet_alpha);
  EXPECT_EQ(a.data.min_images, b.data.min_images);
  EXPECT_EQ(a.data.shift, b.data.shift);
  EXPECT_EQ(a.data.damaged, b.data.damaged);
  EXPECT_EQ(a.training.local_epochs, b.training.local_epochs);
  EXPECT_EQ(a.training.batch_size, b.training.batch_size);
  EXPECT_EQ(a.training.momentum, b.training.momentum);
  EXPECT_EQ(a.training.optimizer, b.training.optimizer);
  EXPECT_EQ(a.training.weight_decay, b.training.weight_decay);
  EXPECT_EQ(a.training.clip_norm, b.training.clip_norm);
  EXPECT_EQ(a.training.holdout, b.training.holdout);
  EXPECT_EQ(a.training.precision, b.training.precision);
  EXPECT_EQ(a.method.name, b.method.name);
  EXPECT_EQ(a.method.kind, b.method.kind);
  EXPECT_EQ(a.method.lorae.targets, b.method.lorae.targets);
  EXPECT_EQ(a.method.lorae.ranks, b.method.lorae.ranks);
  EXPECT_EQ(a.method.lorae.scaling, b.method.lorae.scaling);
  EXPECT_EQ(a.method.lorae.extractor_init, b.method.lorae.extractor_init);
  EXPECT_EQ(a.method.head, b.method.head);
  EXPECT_EQ(a.method.norm, b.method.norm);
  EXPECT_EQ(a.method.head_start, b.method.head_start);
  EXPECT_EQ(a.method.lorae.rank, b.method.lorae.rank);
  EXPECT_EQ(a.method.lorae.residual_rank, b.method.lorae.residual_rank);
  EXPECT_EQ(a.method.lorae.alpha, b.method.lorae.alpha);
  EXPECT_EQ(a.method.learning_rate, b.method.learning_rate);
  EXPECT_EQ(a.method.mapper_learning_rate_ratio, b.method.mapper_learning_rate_ratio);
  EXPECT_EQ(a.method.uplink, b.method.uplink);
  EXPECT_EQ(a.method.downlink, b.method.downlink);
}

TEST(Plan, RoundTripsThroughItsText) {
  expect_equal(parse_plan(plan_text(Plan{})).plan, Plan{});
  expect_equal(parse_plan(plan_text(unusual_plan())).plan, unusual_plan());
}

TEST(Plan, HasOneText) {
  EXPECT_EQ(plan_text(parse_plan(plan_text(unusual_plan())).plan), plan_text(unusual_plan()));
}

TEST(Plan, TravelsWithoutComments) {
  Plan plan;
  plan.task.classes = {"a # b", "\"#\"", "back\\", "#"};
  const std::string text = plan_text(plan);
  EXPECT_NE(text.find("[method]\n"), std::string::npos);
  EXPECT_NE(text.find("\nname = \"lorae-r8\"\n"), std::string::npos);
  EXPECT_EQ(text.find("# lorae"), std::string::npos);
  EXPECT_EQ(text.find("\n\n"), std::string::npos);
  EXPECT_EQ(parse_plan(text).plan.task.classes, plan.task.classes);
  EXPECT_LT(text.size(), 2500U);
}

TEST(Plan, TakesDefaultsForWhatIsNotSaid) {
  const Plan plan = parse_plan("seed = 3\n[method]\nrank = 2\n").plan;
  EXPECT_EQ(plan.seed, 3U);
  EXPECT_EQ(plan.method.lorae.rank, 2);
  EXPECT_EQ(plan.method.kind, adapters::Kind::kLorae);
}

TEST(Plan, TellsTheKeysOfANewerCoordinator) {
  const ParsedPlan parsed = parse_plan("[method]\nrank = 2\nmomentum_mask = 1\n[later]\nkey = 1\n");
  EXPECT_EQ(parsed.unknown,
            (std::vector<std::string>{"plan:5: later.key", "plan:3: method.momentum_mask"}));
  EXPECT_EQ(parsed.plan.method.lorae.rank, 2);
  EXPECT_TRUE(parse_plan(plan_text(unusual_plan())).unknown.empty());
}

TEST(Plan, RefusesWhatMakesNoSense) {
  const auto refuses = [](std::string_view text, std::string_view message) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { parse_plan(text); }, message);
  };
  refuses("[method]\nkind = \"lora\"\n", "plan:2: method.kind: expected one of");
  refuses("[method]\nrank = 0\n",
          "plan:2: method.rank: expected a whole number in [1, 1024], got 0");
  refuses("seed = -1\n", "plan:1: seed: expected a whole number of at least 0, got -1");
  refuses("[model]\nname = \"resnet9\"\n", "plan:2: model.name");
  refuses("[training]\nmomentum = nan\n", "plan:2: training.momentum");
  refuses("[method]\nuplink = \"gzip\"\n", "[codec] chain 'gzip': stage 'gzip' is unknown");
  refuses("[method]\ndownlink = \"zstd,int8\"\n", "stage 'int8' must come before 'zstd'");
  refuses("][", "plan:1: ");
}

}  // namespace
}  // namespace lorae::training
