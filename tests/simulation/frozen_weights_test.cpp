#include "simulation/frozen_weights.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "tensors/torch.h"

namespace lorae::simulation {
namespace {

at::Tensor kernel_of(models::Model& model, const std::string& name) {
  for (const models::NamedSlot& slot : model.slots()) {
    if (slot.name == name) {
      return *slot.tensor;
    }
  }
  return {};
}

std::unique_ptr<models::Model> model(std::uint64_t seed) {
  auto made = models::build({.name = "resnet8"}, Seed{seed});
  made->train_only({});
  return made;
}

constexpr const char* kKernel = "layer2.0.conv1.weight";

TEST(FrozenWeights, OfEqualBitsAreOnceInMemory) {
  FrozenWeights frozen;
  const auto one = model(1), same = model(1), other = model(2);
  const at::Tensor images = torch::rand({2, 1, 28, 28});
  const torch::NoGradGuard no_grad;
  const at::Tensor before = same->forward(images);

  for (models::Model* each : {one.get(), same.get(), other.get()}) {
    frozen.share(*each);
  }

  const void* memory = kernel_of(*one, kKernel).data_ptr();
  EXPECT_EQ(kernel_of(*same, kKernel).data_ptr(), memory);
  EXPECT_NE(kernel_of(*other, kKernel).data_ptr(), memory) << "of other bits";
  EXPECT_NE(kernel_of(*same, "fc.weight").data_ptr(), kernel_of(*one, "fc.weight").data_ptr());
  EXPECT_TRUE(at::equal(same->forward(images), before));
}

TEST(FrozenWeights, LeaveWhatIsTrainedAlone) {
  FrozenWeights frozen;
  const auto one = model(1), trained = model(1);
  trained->train_only(StateDict({{kKernel, kernel_of(*trained, kKernel)}}));

  frozen.share(*one);
  frozen.share(*trained);

  EXPECT_NE(kernel_of(*trained, kKernel).data_ptr(), kernel_of(*one, kKernel).data_ptr());
  EXPECT_TRUE(kernel_of(*trained, kKernel).requires_grad());
  EXPECT_EQ(kernel_of(*trained, "conv1.weight").data_ptr(),
            kernel_of(*one, "conv1.weight").data_ptr());
}

}  // namespace
}  // namespace lorae::simulation
