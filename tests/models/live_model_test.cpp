#include "models/adapted/live_model.h"

#include <atomic>
#include <thread>

#include "adapters/starts.h"
#include "models/weights.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using lorae::testing::expect_error;
using lorae::testing::relative_error;

std::unique_ptr<Model> backbone(const std::string& name, c10::ScalarType type) {
  auto model = build(testing::reference_options(name, 5), Seed{1});
  testing::fill_by_formula_(*model, 1.3);
  model->to(type);
  return model;
}

/// An adapter of `name` that does something, with a head of its own.
adapters::Adapter adapter(const std::string& name, std::uint64_t seed, std::int64_t rank) {
  const auto model = backbone(name, c10::kFloat);
  model->attach_adapters({.targets = "all, grouped", .rank = rank}, Seed{seed});
  std::vector<StateDict::Entry> entries;
  for (const StateDict& part : {model->adapter(), model->head()}) {
    for (const auto& [tensor_name, tensor] : part) {
      const bool extractor = tensor_name.ends_with(adapters::kExtractorSuffix);
      entries.emplace_back(tensor_name, extractor ? tensor.clone()
                                                  : adapters::uniform_tensor(
                                                        tensor.sizes().vec(), 0.02,
                                                        Seed{seed}.derive("mapper", tensor_name)));
    }
  }
  return {{.model = name,
           .kind = adapters::Kind::kLorae,
           .classes = 5,
           .layers = model->adapter_layers()},
          StateDict(std::move(entries))};
}

at::Tensor images(c10::ScalarType type) {
  return testing::formula_tensor("input", {1, 3, 64, 64}, 0, 1).to(type);
}

/// What the model gives with an adapter attached the usual way.
at::Tensor attached(const std::string& name, const adapters::Adapter& one, c10::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const auto model = backbone(name, type);
  apply_adapter(*model, one);
  model->to(type);
  return model->predict(images(type)).front().value;
}

TEST(LiveModel, GivesWhatTheAttachedAdapterGivesAndTheBackboneBack) {
  for (const bool fold : {true, false}) {
    for (const std::string name : {"yolo11n", "resnet18", "efficientnet_b0"}) {
      SCOPED_TRACE(name + (fold ? " folded" : ""));
      LiveModel live(backbone(name, c10::kDouble), fold);
      const at::Tensor x = images(c10::kDouble);
      const at::Tensor plain = live.predict(x).front().value;
      const adapters::Adapter a = adapter(name, 2, 4);
      live.add("a", a);
      live.add("b", adapter(name, 3, 8));
      live.swap("b");
      EXPECT_GT(relative_error(live.predict(x).front().value, plain), 1e-6);
      live.swap("a");
      EXPECT_LT(relative_error(live.predict(x).front().value, attached(name, a, c10::kDouble)),
                1e-12);
      live.blend({});
      EXPECT_TRUE(live.predict(x).front().value.equal(plain));
    }
  }
}

TEST(LiveModel, SumsAdaptersByWeight) {
  LiveModel live(backbone("resnet18", c10::kDouble));
  const at::Tensor x = images(c10::kDouble);
  const adapters::Adapter a = adapter("resnet18", 2, 4);
  live.add("a", a);
  live.add("same", a);
  live.add("b", adapter("resnet18", 3, 8));
  live.swap("a");
  const at::Tensor whole = live.predict(x).front().value;
  live.blend({{"a", 0.25}, {"same", 0.75}});
  EXPECT_LT(relative_error(live.predict(x).front().value, whole), 1e-12);
  live.blend({{"a", 0.25}, {"b", 0.75}});
  const at::Tensor mixed = live.predict(x).front().value;
  live.blend({{"b", 0.75}, {"a", 0.25}});
  EXPECT_LT(relative_error(live.predict(x).front().value, mixed), 1e-12);
  EXPECT_GT(relative_error(mixed, whole), 1e-6);
}

TEST(LiveModel, RefusesAdaptersThatDoNotFit) {
  LiveModel live(backbone("resnet18", c10::kFloat));
  expect_error(
      ErrorCode::kIncompatible, [&] { live.add("x", adapter("yolo11n", 2, 4)); },
      "the adapter is for 'model.0.conv', which the model does not have");
  adapters::Adapter norms = adapter("resnet18", 2, 4);
  norms.state = StateDict({{"bn1.weight", torch::ones({64})}});
  norms.info.layers.clear();
  expect_error(
      ErrorCode::kIncompatible, [&] { live.add("x", norms); },
      "'bn1.weight', which the model does not have, or has folded");
  LiveModel unfolded(backbone("resnet18", c10::kFloat), /*fold_norms=*/false);
  unfolded.add("x", norms);
  expect_error(
      ErrorCode::kInvalidArgument, [&] { live.swap("nobody"); }, "no adapter is named 'nobody'");
}

TEST(LiveModel, EveryBatchSeesOneAdapterWhileAnotherThreadSwaps) {
  constexpr int kSwaps = 1000;
  LiveModel live(backbone("yolov8n", c10::kFloat));
  const at::Tensor x = images(c10::kFloat);
  std::vector<at::Tensor> allowed;
  for (const std::uint64_t seed : {2, 3}) {
    const std::string name = std::to_string(seed);
    live.add(name, adapter("yolov8n", seed, 8));
    live.swap(name);
    allowed.push_back(live.predict(x).front().value);
  }
  ASSERT_FALSE(allowed[0].equal(allowed[1]));
  std::atomic<bool> done = false;
  std::array<std::atomic<int>, 2> seen{};
  int torn = 0;
  std::thread inference([&] {
    while (!done) {
      const at::Tensor got = live.predict(x).front().value;
      const bool first = got.equal(allowed[0]);
      torn += !first && !got.equal(allowed[1]);
      ++seen[first ? 0 : 1];
    }
  });
  // A busy machine may let few batches through: until both were seen.
  for (int i = 0; i < kSwaps || seen[0] == 0 || seen[1] == 0; ++i) {
    live.swap(std::to_string(2 + i % 2));
  }
  done = true;
  inference.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace lorae::models
