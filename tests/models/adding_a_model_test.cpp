// The model of docs/adding_a_model.md, built from the page itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/measure/counts.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

TEST(AddingAModel, AsThePageSaysMakesOneThatIsListedBuiltAndAdapted) {
  ASSERT_EQ(std::ranges::count(model_names(), "tiny"), 1);
  EXPECT_EQ(std::ranges::count(known_models(), "tiny"), 1);
  const auto model = build({.name = "tiny", .classes = 7, .channels = 3, .pool = 1}, Seed{1});
  EXPECT_EQ(model->forward(torch::rand({2, 3, 8, 8})).sizes(), (std::vector<std::int64_t>{2, 7}));
  EXPECT_EQ(model->state().front().name, "stem.0.weight");
  EXPECT_EQ(model->head().size(), 2U);
  const ModelCounts counts = count(*model, {.rank = 4});
  EXPECT_EQ(counts.total, 16 * 3 * 9 + 2 * 16 + 16 * 7 + 7);
  EXPECT_EQ(counts.adapter, 4 * (3 * 9 + 16));
  model->attach_adapters({.rank = 4}, Seed{2});
  EXPECT_EQ(model->adapter().numel(), counts.adapter);
}

}  // namespace
}  // namespace lorae::models
