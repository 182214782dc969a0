// What of a detector a learner trains: its losses reach less at once than those of a classifier.
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/data/squares.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"
#include "training/learner.h"

namespace lorae::training {
namespace {

using lorae::testing::same_bits;

/// For the squares; from a backbone drawn at random. Adam moves whatever has a gradient.
Plan detector_plan(const char* kind = "lorae") {
  Plan plan = testing::small_plan(kind);
  plan.model = {.name = "yolov8n",
                .classes = 2,
                .channels = 3,
                .height = 64,
                .width = 64,
                .pool = 1,
                .mean = {0.0},
                .standard_deviation = {1.0}};
  plan.task.name = "detection";
  plan.training = {.local_epochs = 2, .batch_size = 4, .optimizer = "adam"};
  plan.method.learning_rate = 0.01;
  return plan;
}

/// What is trained and did not move in a round, of all but the box branches, at which nothing pulls
/// where there is no object, and extractors: what a backbone drawn at random passes on to those of
/// its deep layers is less than float32 can add.
std::vector<std::string> at_rest(const Plan& plan) {
  use_one_thread();
  Learner learner = testing::learner_of(plan);
  const StateDict before = learner.trainable().clone();
  learner.fit_round(std::make_shared<data::testing::Squares>(), "ada", RoundId{1}, 1);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
    const bool may_rest =
        name.starts_with("model.22.cv2") || name.ends_with(adapters::kExtractorSuffix);
    if (!may_rest && same_bits(tensor, before.at(name))) {
      names.push_back(name);
    }
  }
  return names;
}

TEST(DetectorLearner, TrainsBranchesWhateverNormsDo) {
  for (const adapters::Norm norm :
       {adapters::Norm::kFrozen, adapters::Norm::kAffine, adapters::Norm::kTrained}) {
    for (const char* kind : {"lorae", "head"}) {
      Plan plan = detector_plan(kind);
      plan.method.head = adapters::Head::kBranch;
      plan.method.norm = norm;
      ASSERT_TRUE(testing::learner_of(plan).trainable().find("model.22.cv3.0.0.conv.weight"));
      EXPECT_EQ(at_rest(plan), std::vector<std::string>{}) << kind << ' ' << name_of(norm);
    }
  }
}

TEST(DetectorLearner, TrainsCores) {
  Plan plan = detector_plan();
  plan.method.train = adapters::Factors::kCore;
  EXPECT_EQ(at_rest(plan), std::vector<std::string>{});
}

}  // namespace
}  // namespace lorae::training
