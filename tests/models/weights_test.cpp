#include "models/weights.h"

#include <gtest/gtest.h>

#include "adapters/starts.h"
#include "models/measure/counts.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using lorae::testing::expect_error;
using lorae::testing::same_bits;

const std::string kName = "yolov8n-cls";

std::unique_ptr<Model> model(std::uint64_t seed, std::int64_t classes = 5) {
  return build(testing::reference_options(kName, classes), Seed{seed});
}

StateDict without(const StateDict& state, const std::string& name) {
  std::vector<StateDict::Entry> kept;
  for (const auto& entry : state) {
    if (entry.first != name) {
      kept.push_back(entry);
    }
  }
  return StateDict(std::move(kept));
}

TEST(LoadWeights, TakesEveryTensorAndConvertsItsType) {
  const auto from = model(1);
  const auto to = model(2);
  std::vector<StateDict::Entry> half;
  for (const auto& [name, tensor] : from->backbone()) {
    half.emplace_back(name, tensor.to(c10::kHalf));
  }
  load_weights(*to, StateDict(std::move(half)));
  for (const auto& [name, tensor] : to->backbone()) {
    EXPECT_TRUE(tensor.equal(from->backbone().at(name).to(c10::kHalf).to(c10::kFloat))) << name;
  }
}

TEST(LoadWeights, RefusesAMissingTensorAndChangesNothing) {
  const auto to = model(2);
  const StateDict before = to->backbone().clone();
  expect_error(
      ErrorCode::kIncompatible,
      [&] { load_weights(*to, without(model(1)->backbone(), "model.0.conv.weight")); },
      "missing: model.0.conv.weight");
  EXPECT_TRUE(same_bits(to->backbone(), before));
}

TEST(LoadWeights, RefusesATensorOfAnotherShapeOrName) {
  expect_error(
      ErrorCode::kIncompatible, [] { load_weights(*model(2), model(1, 6)->backbone()); },
      "of another shape: model.9.linear.weight ([6, 1280], expected [5, 1280])");
  std::vector<StateDict::Entry> entries;
  for (const auto& entry : model(1)->backbone()) {
    entries.push_back(entry);
  }
  entries.emplace_back("stranger", torch::ones({1}));
  expect_error(
      ErrorCode::kIncompatible, [&] { load_weights(*model(2), StateDict(entries)); },
      "unknown: stranger");
}

TEST(ApplyAdapter, PutsExtractorsMappersAndHeadBack) {
  const auto from = model(1);
  from->attach_adapters({.rank = 4, .alpha = 8}, Seed{3});
  std::vector<StateDict::Entry> entries;
  for (const StateDict& part : {from->adapter(), from->head()}) {
    for (const auto& [name, tensor] : part) {
      entries.emplace_back(name, adapters::uniform_tensor(tensor.sizes().vec(), 1, Seed{4}));
    }
  }
  const adapters::Adapter adapter{.info = {.model = kName,
                                           .kind = adapters::Kind::kLorae,
                                           .classes = 5,
                                           .layers = from->adapter_layers()},
                                  .state = StateDict(std::move(entries))};
  const auto to = model(1);
  apply_adapter(*to, adapter);
  for (const auto& [name, tensor] : adapter.state) {
    const StateDict part = to->adapter();
    const at::Tensor* got = part.find(name);
    EXPECT_TRUE(tensor.equal(got != nullptr ? *got : to->head().at(name))) << name;
  }
}

TEST(Counts, AreThoseOfTheModelAndOfItsAdapters) {
  const auto counted = model(1, 100);
  const ModelCounts counts = count(*counted, {.rank = 8});
  EXPECT_EQ(counts.total, 1566388);
  EXPECT_EQ(counts.adapter, 8 * 13195);
  EXPECT_EQ(counts.head, 128100);
  counted->attach_adapters({.rank = 8, .alpha = 16}, Seed{1});
  EXPECT_EQ(counted->adapter().numel(), counts.adapter);
  EXPECT_EQ(counted->head().numel(), counts.head);
}

TEST(Counts, FollowThePapersRuleForYolo11) {
  const auto updated = [](const std::string& name, std::int64_t classes, std::int64_t rank) {
    return paper_updated_parameters(
        count(*build(testing::reference_options(name, classes), Seed{1}), {.rank = rank}), name);
  };
  EXPECT_EQ(updated("yolov8n", 20, 8), 8 * 35947);
  EXPECT_EQ(updated("yolo11n", 20, 8), 8 * 32827 + 121600);
  EXPECT_EQ(updated("yolo11n-cls", 100, 8), 8 * 15291 + 17536);
  EXPECT_EQ(updated("yolo11n-seg", 1, 8), 8 * 39291 + 121600);
}

}  // namespace
}  // namespace lorae::models
