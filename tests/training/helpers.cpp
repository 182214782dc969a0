#include "tests/training/helpers.h"

#include "adapters/starts.h"
#include "tensors/torch.h"

namespace lorae::training::testing {

data::ImageSet striped_images(std::int64_t count, std::uint64_t seed) {
  constexpr std::int64_t kClasses = 3;
  const at::Tensor noise = adapters::uniform_tensor({count, 1, 8, 8}, 60, Seed{seed}) + 60;
  const at::Tensor images = noise.to(torch::kUInt8);
  const at::Tensor labels = torch::arange(count) % kClasses;
  for (std::int64_t i = 0; i < count; ++i) {
    images[i][0][1 + 2 * (i % kClasses)].fill_(250);
  }
  return {images, labels, {"top", "middle", "bottom"}};
}

data::DatasetPtr striped_set(std::int64_t count, std::uint64_t seed) {
  return data::memory_dataset(striped_images(count, seed));
}

Plan small_plan(const std::string& kind) {
  Plan plan;
  plan.seed = 5;
  plan.model = {.name = "resnet8", .classes = 3, .height = 8, .width = 8, .pool = 1};
  plan.training = {.local_epochs = 2, .batch_size = 8};
  plan.method.kind = *named<adapters::Kind>(kind);
  plan.method.lorae.rank = 4;
  plan.method.lorae.alpha = 8;
  return plan;
}

StateDict backbone_of(const Plan& plan, std::uint64_t seed) {
  return models::build(plan.model, Seed{seed})->backbone();
}

Learner learner_of(const Plan& plan) {
  return {plan, backbone_of(plan, 2)};
}

StateDict with_mappers(const StateDict& state) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    const bool zero = name.ends_with(adapters::kMapperSuffix);
    entries.emplace_back(name, zero ? adapters::uniform_tensor(tensor.sizes().vec(), 0.01, Seed{3})
                                    : tensor.detach().clone());
  }
  return StateDict(std::move(entries));
}

}  // namespace lorae::training::testing
