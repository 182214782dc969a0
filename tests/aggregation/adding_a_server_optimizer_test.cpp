// docs/adding_a_server_optimizer.md, followed literally.
#include "aggregation/server_optimizer.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::aggregation {
namespace {

TEST(AddingAServerOptimizer, ThePageWorks) {
  EXPECT_EQ(server_optimizer_names().back(), "lion");
  const auto server =
      make_server_optimizer({.name = "lion", .learning_rate = 0.25, .beta1 = 0.5, .beta2 = 0.5});
  const StateDict model({{"w", torch::tensor({1.0F, 1.0F, 1.0F})}});
  const StateDict gradient({{"w", torch::tensor({4.0, -2.0, 0.0}, c10::kDouble)}});

  server->step_(model, gradient);

  EXPECT_TRUE(model.at("w").equal(torch::tensor({1.25F, 0.75F, 1.0F})));
  EXPECT_TRUE(server->state().at("w").equal(torch::tensor({2.0F, -1.0F, 0.0F})));
}

}  // namespace
}  // namespace lorae::aggregation
