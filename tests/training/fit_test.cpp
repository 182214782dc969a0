#include "training/fit.h"

#include "tasks/classification.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"

namespace lorae::training {
namespace {

using lorae::testing::expect_error;
using lorae::testing::relative_error;
using lorae::testing::same_bits;
using testing::small_plan;
using testing::striped_images;

ParameterGroup group_of(const StateDict& state, double learning_rate) {
  ParameterGroup group;
  group.learning_rate = learning_rate;
  for (const auto& [name, tensor] : state) {
    group.parameters.push_back(tensor);
  }
  return group;
}

/// A model whose weights are all trained.
std::unique_ptr<models::Model> full_model(std::uint64_t seed = 1) {
  auto model = models::build(small_plan("full").model, Seed{seed});
  model->train_only(model->weights());
  return model;
}

class Fit : public ::testing::Test {
 protected:
  Fit() { use_one_thread(); }

  /// The weights after training from the same start.
  StateDict weights_after(const SgdLoop& loop, Seed seed) const {
    const auto model = full_model();
    fit(*model, images_, {group_of(model->weights(), 0.05)}, loop, seed);
    return model->weights();
  }

  data::ImageSet images_ = striped_images(24, 1);
};

TEST_F(Fit, LowersTheLossUntilTheImagesAreLearned) {
  const auto model = full_model();
  const std::vector<ParameterGroup> groups{group_of(model->weights(), 0.02)};
  const FitResult first = fit(*model, images_, groups, {.clip_norm = 5}, Seed{1});
  const FitResult last = fit(*model, images_, groups, {.epochs = 20, .clip_norm = 5}, Seed{2});
  EXPECT_LT(last.loss, 0.3 * first.loss);
  EXPECT_GT(tasks::evaluate(*model, images_).find("top1").value(), 0.9);
}

TEST_F(Fit, CountsExamplesAndSteps) {
  const auto model = full_model();
  const FitResult result = fit(*model, images_, {group_of(model->weights(), 0.01)},
                               {.epochs = 3, .batch_size = 10}, Seed{1});
  EXPECT_EQ(result.num_examples, 24);
  EXPECT_EQ(result.steps, 9) << "two batches of 10 and one of 4 in each epoch";
}

TEST_F(Fit, ReportsTheMeanLossOfTheLastEpoch) {
  const auto model = full_model();
  const at::Tensor loss = tasks::classification_loss(
      model->forward(tasks::model_input(*model, images_.images)), images_.labels);
  // With rate 0 every epoch sees the same model; the short last batch must not count double.
  const FitResult result = fit(*model, images_, {group_of(model->weights(), 0)},
                               {.epochs = 2, .batch_size = 10}, Seed{1});
  EXPECT_NEAR(result.loss, loss.item<double>(), 1e-5);
}

TEST_F(Fit, RepeatsBitForBitForASeedAndDiffersForAnother) {
  const SgdLoop loop{.epochs = 2, .batch_size = 5, .clip_norm = 1};
  EXPECT_TRUE(same_bits(weights_after(loop, Seed{1}), weights_after(loop, Seed{1})));
  EXPECT_FALSE(same_bits(weights_after(loop, Seed{1}), weights_after(loop, Seed{2})));
}

TEST_F(Fit, StepsAsTorchsSgdDoes) {
  constexpr double kRate = 0.02;
  constexpr double kMomentum = 0.9;
  constexpr double kDecay = 0.01;
  constexpr double kClip = 0.5;
  constexpr int kSteps = 4;
  const auto ours = full_model();
  ParameterGroup group = group_of(ours->weights(), kRate);
  group.weight_decay = kDecay;
  // One batch of all images: their order changes nothing but rounding.
  fit(*ours, images_, {group},
      {.epochs = kSteps, .batch_size = 24, .momentum = kMomentum, .clip_norm = kClip}, Seed{1});

  const auto theirs = full_model();
  const std::vector<at::Tensor> parameters = group_of(theirs->weights(), 0).parameters;
  torch::optim::SGD sgd(parameters,
                        torch::optim::SGDOptions(kRate).momentum(kMomentum).weight_decay(kDecay));
  for (int step = 0; step < kSteps; ++step) {
    sgd.zero_grad();
    tasks::classification_loss(theirs->forward(tasks::model_input(*theirs, images_.images)),
                               images_.labels)
        .backward();
    torch::nn::utils::clip_grad_norm_(parameters, kClip);
    sgd.step();
  }
  for (const auto& [name, tensor] : theirs->weights()) {
    EXPECT_LT(relative_error(ours->weights().at(name), tensor), 1e-4) << name;
  }
}

double distance(const StateDict& a, const StateDict& b) {
  double sum = 0;
  for (const auto& [name, tensor] : a) {
    sum += (tensor.detach() - b.at(name)).to(torch::kDouble).square().sum().item<double>();
  }
  return std::sqrt(sum);
}

TEST_F(Fit, ClipsTheGradientOfAllParametersTogether) {
  const StateDict start = full_model()->weights().clone();
  const auto step_length = [&](double clip_norm) {
    const auto model = full_model();
    fit(*model, images_, {group_of(model->weights(), 1)},
        {.batch_size = 24, .clip_norm = clip_norm}, Seed{1});
    return distance(model->weights(), start);
  };
  const double free = step_length(0);
  ASSERT_GT(free, 0.1);
  EXPECT_NEAR(step_length(0.1), 0.1, 1e-3);
  EXPECT_NEAR(step_length(2 * free), free, 1e-3 * free);
}

TEST_F(Fit, GivesEachGroupItsOwnLearningRate) {
  const auto model = full_model();
  const StateDict start = model->weights().clone();
  std::vector<StateDict::Entry> body;
  for (const auto& entry : model->weights()) {
    if (!entry.first.starts_with("fc.")) {
      body.push_back(entry);
    }
  }
  fit(*model, images_, {group_of(model->head(), 0.1), group_of(StateDict(body), 0)}, {}, Seed{1});
  for (const auto& [name, tensor] : model->weights()) {
    EXPECT_EQ(same_bits(tensor, start.at(name)), !name.starts_with("fc.")) << name;
  }
}

TEST_F(Fit, ChangesOnlyTheGivenTensors) {
  const auto model = full_model();
  model->train_only(model->head());
  const StateDict before = model->backbone().clone();
  fit(*model, images_, {group_of(model->head(), 0.1)}, {.epochs = 2}, Seed{1});
  for (const auto& [name, tensor] : model->backbone()) {
    EXPECT_EQ(same_bits(tensor, before.at(name)), !name.starts_with("fc.")) << name;
  }
}

TEST_F(Fit, FollowsTheScheduleOverAllSteps) {
  const auto model = full_model();
  std::vector<double> progress;
  std::int64_t seen = 0;
  const SgdLoop loop{.epochs = 2,
                     .batch_size = 12,
                     .schedule =
                         [&](double at) {
                           progress.push_back(at);
                           return 0.0;
                         },
                     .on_batch = [&](std::int64_t images) { seen += images; }};
  const StateDict before = model->weights().clone();
  fit(*model, images_, {group_of(model->weights(), 0.1)}, loop, Seed{1});
  EXPECT_EQ(progress, (std::vector<double>{0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(seen, 48);
  EXPECT_TRUE(same_bits(model->weights(), before)) << "a factor of 0 stops every step";
}

TEST_F(Fit, StartsEveryCallWithoutMomentum) {
  const auto model = full_model();
  const std::vector<ParameterGroup> groups{group_of(model->weights(), 0.02)};
  const StateDict start = model->weights().clone();
  fit(*model, images_, groups, {}, Seed{1});
  copy_values_(model->weights(), start);
  fit(*model, images_, groups, {}, Seed{2});
  const auto fresh = full_model();
  fit(*fresh, images_, {group_of(fresh->weights(), 0.02)}, {}, Seed{2});
  EXPECT_TRUE(same_bits(model->weights(), fresh->weights()));
}

TEST_F(Fit, RefusesAnEmptySet) {
  const auto model = full_model();
  expect_error(
      ErrorCode::kInvalidArgument,
      [&] { fit(*model, images_.select({}), {group_of(model->weights(), 0.1)}, {}, Seed{1}); },
      "[fit] no images to train on");
}

}  // namespace
}  // namespace lorae::training
