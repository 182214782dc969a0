#include "training/held.h"

#include <gtest/gtest.h>

#include "adapters/pairs.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/training/helpers.h"

namespace lorae::training {
namespace {

using testing::learner_of;
using testing::small_plan;
using testing::striped_set;
using testing::with_mappers;

class HeldComponents : public ::testing::Test {
 protected:
  HeldComponents() { use_one_thread(); }

  data::DatasetPtr images_ = striped_set(24, 1);
};

/// A device of a smaller rank trains the first components, and leaves the others to the bit, though
/// the optimiser shrinks what it holds.
TEST_F(HeldComponents, TrainsOnlySoManyComponentsAsADeviceWants) {
  for (const char* optimizer : {"sgd", "adamw"}) {
    for (const auto factors : {adapters::Factors::kBoth, adapters::Factors::kCore}) {
      Plan plan = small_plan("lorae");
      plan.method.train = factors;
      plan.training.optimizer = optimizer;
      plan.training.weight_decay = 0.1;
      Learner learner = learner_of(plan);
      const StateDict before = with_mappers(learner.trainable());
      learner.load(before);

      learner.fit_round(images_, "ada", RoundId{1}, 1, /*rank_max=*/2);

      std::int64_t held = 0;
      for (const auto& [name, tensor] : learner.trainable()) {
        const at::Tensor moved = tensor.detach().ne(before.at(name));
        const at::Tensor components = adapters::components_of(learner.trainable(), name);
        if (!components.defined()) {
          EXPECT_TRUE(moved.any().item<bool>()) << name;
          continue;
        }
        const at::Tensor late = components.ge(2).expand_as(moved);
        held += late.sum().item<std::int64_t>();
        EXPECT_FALSE(moved.logical_and(late).any().item<bool>()) << name << ' ' << optimizer;
        EXPECT_TRUE(moved.logical_and(late.logical_not()).any().item<bool>()) << name;
      }
      EXPECT_GT(held, 0);
    }
  }
}

/// What the coordinator fills is there from the start, changes what the model says, and no client
/// trains it.
TEST_F(HeldComponents, LeavesResidualComponentsToTheCoordinator) {
  Plan plan = small_plan("lorae");
  const StateDict plain = learner_of(plan).trainable().clone();
  plan.method.lorae.residual_rank = 3;
  Learner learner = learner_of(plan);
  const StateDict before = with_mappers(learner.trainable());
  const auto first = [](const at::Tensor& tensor, const at::Tensor& like) {
    const at::Tensor rows = tensor.slice(0, 0, like.size(0));
    return like.dim() == 1 ? rows : rows.slice(1, 0, like.size(1));
  };
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_TRUE(first(tensor, plain.at(name)).equal(plain.at(name))) << name;
    EXPECT_EQ(tensor.ne(0).sum().item<std::int64_t>(),
              plain.at(name).ne(0).sum().item<std::int64_t>())
        << name << " starts with nothing more";
  }
  learner.load(before);

  learner.fit_round(images_, "ada", RoundId{1}, 1);

  for (const auto& [name, tensor] : learner.trainable()) {
    const at::Tensor components = adapters::components_of(learner.trainable(), name);
    if (components.defined()) {
      const at::Tensor moved = tensor.detach().ne(before.at(name));
      EXPECT_TRUE(moved.logical_and(components.lt(4)).any().item<bool>()) << name;
      EXPECT_FALSE(moved.logical_and(components.ge(4)).any().item<bool>()) << name;
    }
  }
  const auto moving = [&](std::int64_t rank_max) {
    std::int64_t count = 0;
    for (const Held& held : held_components(before, 3, rank_max)) {
      count += held.which.logical_not().sum().item<std::int64_t>();
    }
    return count;
  };
  EXPECT_EQ(moving(100), moving(0)) << "a device may train no more than there are";
  EXPECT_EQ(2 * moving(2), moving(0)) << "two of four components";
}

}  // namespace
}  // namespace lorae::training
