#include "adapters/blocks.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::adapters {
namespace {

using testing::expect_error;
using testing::same_bits;

StateDict example() {
  return StateDict({{"conv1.mapper", torch::arange(6, torch::kFloat).view({3, 2, 1, 1})},
                    {"conv1.extractor", torch::arange(8, torch::kFloat).view({2, 1, 2, 2})},
                    {"fc.bias", torch::tensor({-0.0F, 1e-45F})},
                    {"scalar", torch::tensor(3.0F)},
                    {"empty", torch::zeros({0, 4})}});
}

TEST(Blocks, RoundTripBitForBit) {
  EXPECT_TRUE(same_bits(to_state(to_blocks(example())), example()));
}

TEST(Blocks, KeepNameOrderShapesAndValues) {
  const codec::Blocks blocks = to_blocks(example());
  ASSERT_EQ(blocks.size(), 5U);
  EXPECT_EQ(blocks[0].name, "conv1.extractor");
  EXPECT_EQ(blocks[0].shape, (std::vector<std::int64_t>{2, 1, 2, 2}));
  EXPECT_EQ(blocks[0].values, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(blocks[4].name, "scalar");
  EXPECT_TRUE(blocks[4].shape.empty());
  EXPECT_EQ(blocks[4].values, (std::vector<float>{3}));
}

TEST(Blocks, MarkTheAxisThatCarriesScales) {
  const codec::Blocks blocks = to_blocks(example());
  EXPECT_EQ(blocks[0].row_axis, 0) << "the rows of conv1.extractor";
  EXPECT_EQ(blocks[1].row_axis, 1) << "the columns of conv1.mapper";
  EXPECT_EQ(blocks[2].row_axis, 0) << blocks[2].name;
  EXPECT_EQ(blocks[3].row_axis, -1) << blocks[3].name;
}

TEST(Blocks, HaveTheLayoutOfTheirState) {
  const codec::Layout layout = layout_of(example());
  const codec::Blocks blocks = to_blocks(example());
  ASSERT_EQ(layout.blocks().size(), blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(layout.blocks()[i], codec::BlockShape(blocks[i]));
    EXPECT_EQ(layout.blocks()[i].numel(), blocks[i].values.size());
  }
  ASSERT_EQ(layout.layers().size(), 4U);
  EXPECT_EQ(layout.layers()[0].layer, "conv1");
  EXPECT_EQ(layout.layers()[0].end, 2U);
}

TEST(Blocks, ReadStridedTensorsRowByRow) {
  const at::Tensor strided = torch::arange(6, torch::kFloat).view({2, 3}).t();
  EXPECT_EQ(to_blocks(StateDict({{"w", strided}}))[0].values,
            (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(Blocks, AreCopiesBothWays) {
  const StateDict state({{"w", torch::ones({2})}});
  codec::Blocks blocks = to_blocks(state);
  blocks[0].values[0] = 9;
  const StateDict copy = to_state(blocks);
  blocks[0].values[1] = 9;
  EXPECT_TRUE(state.at("w").equal(torch::ones({2})));
  EXPECT_TRUE(copy.at("w").equal(torch::tensor({9.0F, 1.0F})));
}

TEST(Blocks, TakeTensorsThatAreBeingTrained) {
  const StateDict state({{"w", torch::ones({2}).set_requires_grad(true)}});
  EXPECT_FALSE(to_state(to_blocks(state)).at("w").requires_grad());
}

TEST(Blocks, RefuseWhatIsNotFloat32) {
  expect_error(
      ErrorCode::kInvalidArgument,
      [] {
        to_blocks(StateDict({{"w", torch::ones({2}, torch::kDouble)}}));
      },
      "[adapters] 'w': expected float32, got Double");
  expect_error(
      ErrorCode::kInvalidArgument,
      [] {
        layout_of(StateDict({{"w", torch::ones({2}, torch::kDouble)}}));
      },
      "[adapters] 'w': expected float32, got Double");
}

}  // namespace
}  // namespace lorae::adapters
