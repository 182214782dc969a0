#include "training/fit.h"

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
using testing::striped_set;

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

/// The short way through a fit: a set, one group per state, SGD.
FitResult train(models::Model& model,
                const data::DatasetPtr& images,
                std::vector<ParameterGroup> groups,
                LoopOptions options,
                Seed seed,
                std::int64_t batch_size = 32,
                double momentum = 0.9) {
  const auto task = tasks::make_task("classification", {.classes = 3});
  data::Loader loader(images, {.shape = {1, 8, 8}, .batch_size = batch_size}, seed);
  training::Fit fit(model, *task, loader, make_optimizer({.momentum = momentum}, std::move(groups)),
                    std::move(options));
  while (fit.step()) {
  }
  return fit.result();
}

Metrics measured(models::Model& model, const data::DatasetPtr& images) {
  const auto task = tasks::make_task("classification", {.classes = 3});
  data::Loader loader(images, {.shape = {1, 8, 8}, .batch_size = 7, .shuffle = false}, {});
  return tasks::evaluate(model, *task, loader)->result();
}

class FitTest : public ::testing::Test {
 protected:
  FitTest() { use_one_thread(); }

  /// The weights after training from the same start.
  StateDict weights_after(const LoopOptions& options, Seed seed) const {
    const auto model = full_model();
    train(*model, images_, {group_of(model->weights(), 0.05)}, options, seed, 5);
    return model->weights();
  }

  /// The mean cross-entropy of all images.
  at::Tensor loss_of(models::Model& model) const {
    const data::ImageSet& set = *images_->in_memory();
    return at::cross_entropy_loss(model.forward(tasks::model_input(model, set.images)), set.labels);
  }

  data::DatasetPtr images_ = striped_set(24, 1);
};

TEST_F(FitTest, LowersTheLossUntilTheImagesAreLearned) {
  const auto model = full_model();
  const std::vector<ParameterGroup> groups{group_of(model->weights(), 0.02)};
  const FitResult first = train(*model, images_, groups, {.clip_norm = 5}, Seed{1});
  const FitResult last = train(*model, images_, groups, {.epochs = 20, .clip_norm = 5}, Seed{2});
  EXPECT_LT(last.loss, 0.3 * first.loss);
  EXPECT_GT(measured(*model, images_).find("top1").value(), 0.9);
}

TEST_F(FitTest, CountsExamplesAndSteps) {
  const auto model = full_model();
  const FitResult result =
      train(*model, images_, {group_of(model->weights(), 0.01)}, {.epochs = 3}, Seed{1}, 10);
  EXPECT_EQ(result.num_examples, 24);
  EXPECT_EQ(result.steps, 9) << "two batches of 10 and one of 4 in each epoch";
}

TEST_F(FitTest, ReportsTheMeanLossOfTheLastEpoch) {
  const auto model = full_model();
  const double loss = loss_of(*model).item<double>();
  // With rate 0 every epoch sees the same model; the short last batch must not count double.
  const FitResult result =
      train(*model, images_, {group_of(model->weights(), 0)}, {.epochs = 2}, Seed{1}, 10);
  EXPECT_NEAR(result.loss, loss, 1e-5);
  EXPECT_NEAR(measured(*model, images_).find("loss").value(), loss, 1e-5);
}

TEST_F(FitTest, RepeatsBitForBitForASeedAndDiffersForAnother) {
  const LoopOptions options{.epochs = 2, .clip_norm = 1};
  EXPECT_TRUE(same_bits(weights_after(options, Seed{1}), weights_after(options, Seed{1})));
  EXPECT_FALSE(same_bits(weights_after(options, Seed{1}), weights_after(options, Seed{2})));
}

TEST_F(FitTest, WithDropoutIsAFunctionOfItsSeedAndGoesOnWithItsBits) {
  const data::DatasetPtr images = striped_set(8, 1);
  const auto task = tasks::make_task("classification", {.classes = 3});
  const auto train = [&](Seed noise, bool stops) {
    auto model = models::build({.name = "efficientnet_b0",
                                .classes = 3,
                                .channels = 1,
                                .height = 8,
                                .width = 8,
                                .pool = 1},
                               Seed{1});
    model->train_only(model->weights());
    const auto make = [&](data::Loader& loader) {
      return std::make_unique<training::Fit>(
          *model, *task, loader,
          make_optimizer({.momentum = 0.9}, {group_of(model->weights(), 0.01)}),
          LoopOptions{.epochs = 2, .noise = noise});
    };
    data::Loader loader(images, {.shape = {1, 8, 8}, .batch_size = 4}, Seed{5});
    auto fit = make(loader);
    fit->step();
    data::Loader again(images, {.shape = {1, 8, 8}, .batch_size = 4}, Seed{5});
    if (stops) {
      const StateDict state = fit->state();
      fit = make(again);
      fit->restore(state);
    }
    while (fit->step()) {
    }
    return model->weights().clone();
  };
  const StateDict whole = train(Seed{1}, false);
  EXPECT_TRUE(same_bits(train(Seed{1}, false), whole));
  EXPECT_TRUE(same_bits(train(Seed{1}, true), whole));
  EXPECT_FALSE(same_bits(train(Seed{2}, false), whole));
}

/// Cross-entropy and a penalty, each told apart.
class TwoParts final : public tasks::Task {
 public:
  tasks::Loss loss(models::Model& model, const data::Batch& batch) const override {
    const at::Tensor logits = model.forward(tasks::model_input(model, batch.images));
    const at::Tensor fit = at::cross_entropy_loss(logits, batch.labels);
    const at::Tensor size = 0.01 * logits.square().mean();
    return {fit + size, {{"size", size.detach()}, {"fit", fit.detach()}}};
  }
  tasks::Predictions predict(models::Model& model, const data::Batch& batch) const override {
    return {model.forward(tasks::model_input(model, batch.images))};
  }
  std::unique_ptr<tasks::Meter> meter() const override { return nullptr; }
  std::string main_metric() const override { return "top1"; }
};

TEST_F(FitTest, MeansTheTasksOwnPartsOverAnEpochAndKeepsThemAcrossAStop) {
  const TwoParts task;
  const auto images_of = [&] {
    return std::make_unique<data::Loader>(
        images_, data::LoaderOptions{.shape = {1, 8, 8}, .batch_size = 10}, Seed{1});
  };
  const auto fit_of = [&](models::Model& model, data::Loader& loader) {
    return training::Fit(model, task, loader, make_optimizer({}, {group_of(model.weights(), 0.05)}),
                         {.epochs = 2});
  };
  const auto model = full_model();
  const auto loader = images_of();
  auto fit = fit_of(*model, *loader);
  EXPECT_TRUE(fit.mean_parts().empty()) << "nothing was trained yet";
  double size = 0;
  for (int i = 0; i < 3; ++i) {
    const auto step = fit.step();
    size += step->loss.parts[0].second.item<double>() * static_cast<double>(step->images);
  }
  const Metrics first = fit.mean_parts();
  EXPECT_EQ(first.main_name(), "size") << "in the task's order";
  EXPECT_NEAR(first.find("size").value(), size / 24, 1e-9);
  EXPECT_NEAR(first.find("size").value() + first.find("fit").value(), fit.mean_loss(), 1e-6);

  fit.step();
  const auto again = full_model();
  copy_values_(again->weights(), model->weights());
  const auto more = images_of();
  auto resumed = fit_of(*again, *more);
  resumed.restore(fit.state());
  EXPECT_EQ(resumed.mean_parts(), fit.mean_parts());
  while (fit.step()) {
  }
  while (resumed.step()) {
  }
  EXPECT_EQ(resumed.mean_parts(), fit.mean_parts());
  EXPECT_NE(resumed.mean_parts(), first);
}

double distance(const StateDict& a, const StateDict& b) {
  double sum = 0;
  for (const auto& [name, tensor] : a) {
    sum += (tensor.detach() - b.at(name)).to(torch::kDouble).square().sum().item<double>();
  }
  return std::sqrt(sum);
}

TEST_F(FitTest, ClipsTheGradientOfAllParametersTogether) {
  const StateDict start = full_model()->weights().clone();
  const auto step_length = [&](double clip_norm) {
    const auto model = full_model();
    train(*model, images_, {group_of(model->weights(), 1)}, {.clip_norm = clip_norm}, Seed{1}, 24);
    return distance(model->weights(), start);
  };
  const double free = step_length(0);
  ASSERT_GT(free, 0.1);
  EXPECT_NEAR(step_length(0.1), 0.1, 1e-3);
  EXPECT_NEAR(step_length(2 * free), free, 1e-3 * free);
}

TEST_F(FitTest, GivesEachGroupItsOwnLearningRate) {
  const auto model = full_model();
  const StateDict start = model->weights().clone();
  std::vector<StateDict::Entry> body;
  for (const auto& entry : model->weights()) {
    if (!entry.first.starts_with("fc.")) {
      body.push_back(entry);
    }
  }
  train(*model, images_, {group_of(model->head(), 0.1), group_of(StateDict(body), 0)}, {}, Seed{1});
  for (const auto& [name, tensor] : model->weights()) {
    EXPECT_EQ(same_bits(tensor, start.at(name)), !name.starts_with("fc.")) << name;
  }
}

TEST_F(FitTest, ChangesOnlyTheGivenTensors) {
  const auto model = full_model();
  model->train_only(model->head());
  const StateDict before = model->backbone().clone();
  train(*model, images_, {group_of(model->head(), 0.1)}, {.epochs = 2}, Seed{1});
  for (const auto& [name, tensor] : model->backbone()) {
    EXPECT_EQ(same_bits(tensor, before.at(name)), !name.starts_with("fc.")) << name;
  }
}

TEST_F(FitTest, LeavesATensorWithoutAGradientWhereItIs) {
  const auto model = full_model();
  const at::Tensor idle = torch::ones({3}).requires_grad_();
  ParameterGroup group = group_of(model->weights(), 0.1);
  group.parameters.push_back(idle);
  group.weight_decay = 0.1;
  train(*model, images_, {group}, {}, Seed{1});
  EXPECT_TRUE(torch::equal(idle.detach(), torch::ones({3})));
}

TEST_F(FitTest, FollowsTheScheduleOverAllSteps) {
  const auto model = full_model();
  std::vector<double> progress;
  const LoopOptions options{.epochs = 2, .schedule = [&](const Moment& at) {
                              progress.push_back(at.progress);
                              return Pace{.factor = 0};
                            }};
  const StateDict before = model->weights().clone();
  train(*model, images_, {group_of(model->weights(), 0.1)}, options, Seed{1}, 12);
  EXPECT_EQ(progress, (std::vector<double>{0, 0.5, 1, 1.5})) << "in epochs";
  EXPECT_TRUE(same_bits(model->weights(), before)) << "a factor of 0 stops every step";
}

TEST_F(FitTest, StartsEveryFitWithoutMomentum) {
  const auto model = full_model();
  const std::vector<ParameterGroup> groups{group_of(model->weights(), 0.02)};
  const StateDict start = model->weights().clone();
  train(*model, images_, groups, {}, Seed{1});
  copy_values_(model->weights(), start);
  train(*model, images_, groups, {}, Seed{2});
  const auto fresh = full_model();
  train(*fresh, images_, {group_of(fresh->weights(), 0.02)}, {}, Seed{2});
  EXPECT_TRUE(same_bits(model->weights(), fresh->weights()));
}

TEST_F(FitTest, AccumulatesBatchesIntoOneStep) {
  // Without BatchNorm's batch statistics, four batches of 6 are one of 24.
  const auto apart = full_model(), whole = full_model();
  const auto by_four = [](const Moment&) { return Pace{.accumulate = 4}; };
  train(*apart, images_, {group_of(apart->weights(), 0.05)}, {.schedule = by_four}, Seed{1}, 6);
  train(*whole, images_, {group_of(whole->weights(), 0.05)}, {}, Seed{1}, 24);
  for (const auto& [name, tensor] : whole->weights()) {
    EXPECT_LT(relative_error(apart->weights().at(name), tensor), 1e-4) << name;
  }
}

/// The last step of an epoch gathers what is there: three batches of 7, and one of 3.
TEST_F(FitTest, AStepOfFewerBatchesIsOfTheMeanOfItsImagesToo) {
  for (const std::int64_t accumulate : {4, 8}) {
    const auto apart = full_model(), whole = full_model();
    const auto pace = [=](const Moment&) { return Pace{.accumulate = accumulate}; };
    train(*apart, images_, {group_of(apart->weights(), 0.05)}, {.schedule = pace}, Seed{1}, 7);
    train(*whole, images_, {group_of(whole->weights(), 0.05)}, {}, Seed{1}, 24);
    for (const auto& [name, tensor] : whole->weights()) {
      EXPECT_LT(relative_error(apart->weights().at(name), tensor), 1e-4) << name << accumulate;
    }
  }
}

/// A fit that can be stopped after any step, with everything that it owns.
struct Running {
  Running(const data::DatasetPtr& images, const char* name, std::int64_t workers = 0)
      : loader(images, {.shape = {1, 8, 8}, .batch_size = 5, .workers = workers}, Seed{3}),
        fit(*model,
            *task,
            loader,
            make_optimizer({.name = name}, {group_of(model->weights(), 0.01)}),
            {.epochs = 3,
             .clip_norm = 1,
             .average_decay = 0.9,
             .schedule = [](const Moment& at) { return Pace{.factor = 1 - at.progress / 3}; }},
            model->weights()) {}

  std::unique_ptr<models::Model> model = full_model();
  std::unique_ptr<tasks::Task> task = tasks::make_task("classification", {.classes = 3});
  data::Loader loader;
  training::Fit fit;
};

TEST_F(FitTest, GoesOnFromItsStateWithTheBitsOfAnUndisturbedOne) {
  for (const char* name : {"sgd", "adam", "adamw"}) {
    Running undisturbed(images_, name);
    while (undisturbed.fit.step()) {
    }
    for (const int stop : {0, 1, 5, 7, 14}) {
      Running first(images_, name);
      for (int i = 0; i < stop; ++i) {
        first.fit.step();
      }
      const StateDict state = first.fit.state();
      const StateDict weights = first.model->weights().clone();
      first.fit.step();  // what was saved does not move along

      Running second(images_, name, /*workers=*/2);
      copy_values_(second.model->weights(), weights);
      second.fit.restore(state);
      while (second.fit.step()) {
      }
      EXPECT_TRUE(same_bits(second.model->weights(), undisturbed.model->weights()))
          << name << " after " << stop;
      EXPECT_TRUE(same_bits(second.fit.average(), undisturbed.fit.average())) << stop;
      EXPECT_EQ(second.fit.result().loss, undisturbed.fit.result().loss) << stop;
    }
  }
}

TEST_F(FitTest, KeepsAnAverageThatLagsBehind) {
  Running running(images_, "sgd");
  const StateDict start = running.model->weights().clone();
  while (running.fit.step()) {
  }
  const double whole = distance(running.model->weights(), start);
  const double average = distance(running.fit.average(), start);
  EXPECT_GT(average, 0.1 * whole);
  EXPECT_LT(average, whole);
}

TEST_F(FitTest, RefusesTheStateOfAnotherOptimizer) {
  Running sgd(images_, "sgd"), adam(images_, "adam");
  sgd.fit.step();
  expect_error(
      ErrorCode::kIncompatible, [&] { adam.fit.restore(sgd.fit.state()); }, "another optimiser's");
}

TEST_F(FitTest, RefusesAnEmptySet) {
  const auto model = full_model();
  expect_error(
      ErrorCode::kInvalidArgument,
      [&] { train(*model, data::subset(images_, {}), {group_of(model->weights(), 0.1)}, {}, {}); },
      "[data] no images to load");
}

}  // namespace
}  // namespace lorae::training
