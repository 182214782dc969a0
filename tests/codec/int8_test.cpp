#include "codec/quantisers/int8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Bytes int8_encode(const Block& block, ScalePer scale_per) {
  Bytes bytes;
  Int8{scale_per}.encode({block, block.values}, bytes);
  EXPECT_EQ(bytes.size(), size_by(Int8{scale_per}, block));
  return bytes;
}

Block coded(const Block& block, ScalePer scale_per) {
  Block decoded = block;
  std::fill(decoded.values.begin(), decoded.values.end(), -7.0F);
  Int8{scale_per}.decode(int8_encode(block, scale_per), decoded).value();
  return decoded;
}

std::string refusal(ByteView bytes, Block block) {
  const auto decoded = Int8{}.decode(bytes, block);
  return decoded ? "accepted" : decoded.error().what();
}

TEST(Int8, WritesTheScaleThenOneByteForEachValue) {
  const Block block = block_of("w", {127.0F, -127.0F, 64.0F, 0.0F});

  // float32 1.0, then 127, -127, 64, 0.
  EXPECT_EQ(to_hex(int8_encode(block, ScalePer::kTensor)), "0000803f7f814000");
}

TEST(Int8, RoundsHalvesToTheEvenStep) {
  const Block block = block_of("w", {127.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F});

  EXPECT_EQ(coded(block, ScalePer::kTensor).values,
            (std::vector<float>{127.0F, 0.0F, 2.0F, 2.0F, 0.0F, -2.0F}));
}

TEST(Int8, KeepsAScaleForEachExtractorRow) {
  const Block block{"extractor", {2, 2}, 0, {127.0F, 1.0F, 254.0F, 2.0F}};

  // Scales 1.0 and 2.0, then 127, 1, 127, 1.
  EXPECT_EQ(to_hex(int8_encode(block, ScalePer::kRow)), "0000803f000000407f017f01");
  EXPECT_EQ(coded(block, ScalePer::kRow), block);
}

TEST(Int8, KeepsAScaleForEachMapperColumn) {
  const Block block{"mapper", {3, 2}, 1, {127.0F, 254.0F, 1.0F, 2.0F, -127.0F, 0.0F}};

  EXPECT_EQ(to_hex(int8_encode(block, ScalePer::kRow)), "0000803f000000407f7f01018100");
  EXPECT_EQ(coded(block, ScalePer::kRow), block);
}

/// As the formula says it: one value at a time, the row of each by division.
Bytes by_the_formula(const Block& block) {
  const auto axis = static_cast<std::size_t>(block.row_axis);
  const auto rows = static_cast<std::size_t>(block.shape[axis]);
  std::size_t run = 1;
  for (std::size_t i = axis + 1; i < block.shape.size(); ++i) {
    run *= static_cast<std::size_t>(block.shape[i]);
  }
  std::vector<float> scales(rows);
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    float& scale = scales[i / run % rows];
    scale = std::max(scale, std::fabs(block.values[i]) / 127.0F);
  }
  Bytes bytes = copy_of(bytes_of(std::span<const float>(scales)));
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    const float step = std::nearbyintf(block.values[i] / scales[i / run % rows]);
    bytes.push_back(static_cast<std::byte>(static_cast<std::int8_t>(step)));
  }
  return bytes;
}

TEST(Int8, WritesWhatTheFormulaSaysForEveryShapeOfRows) {
  const std::vector<std::pair<std::vector<std::int64_t>, int>> shapes = {
      {{7}, 0},       {{5, 3, 3, 3}, 0},  {{4, 200}, 0},   {{300, 8, 1, 1}, 1},
      {{1000, 1}, 1}, {{6, 7, 5}, 1},     {{3, 9, 31}, 1}, {{3, 9, 32}, 1},
      {{2, 700}, 1},  {{40, 6, 4, 2}, 2}, {{1, 5, 1}, 0},
  };
  for (const auto& [shape, axis] : shapes) {
    const Block block = random_block("w", shape, axis, 11);
    const Bytes bytes = int8_encode(block, ScalePer::kRow);
    EXPECT_EQ(to_hex(bytes), to_hex(by_the_formula(block))) << shape.size() << " axes, " << axis;
    const Block decoded = coded(block, ScalePer::kRow);
    EXPECT_EQ(to_hex(int8_encode(decoded, ScalePer::kRow)), to_hex(bytes)) << "decoded elsewhere";
  }
}

TEST(Int8, KeepsOneScaleWhereThereIsNoRankAxis) {
  const Block block = block_of("bias", {1.0F, 2.0F});

  EXPECT_EQ(int8_encode(block, ScalePer::kRow), int8_encode(block, ScalePer::kTensor));
}

TEST(Int8, IsWrongByHalfAStepAtMost) {
  for (const float spread : {1e-30F, 1e-3F, 1.0F, 1e30F}) {
    const Block block = random_block("w", {100}, -1, 3, spread);

    const Block decoded = coded(block, ScalePer::kTensor);

    float largest = 0;
    for (const float value : block.values) {
      largest = std::max(largest, std::fabs(value));
    }
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      EXPECT_LE(std::fabs(decoded.values[i] - block.values[i]), largest / 127 * 0.5001F);
    }
  }
}

TEST(Int8, IsWrongByHalfAStepOfTheRowAtMost) {
  const Block block = random_block("w", {4, 5, 3, 3}, 0, 4);

  const Block decoded = coded(block, ScalePer::kRow);

  constexpr std::size_t kRow = 5 * 3 * 3;
  for (std::size_t row = 0; row < 4; ++row) {
    float largest = 0;
    for (std::size_t i = row * kRow; i < (row + 1) * kRow; ++i) {
      largest = std::max(largest, std::fabs(block.values[i]));
    }
    for (std::size_t i = row * kRow; i < (row + 1) * kRow; ++i) {
      EXPECT_LE(std::fabs(decoded.values[i] - block.values[i]), largest / 127 * 0.5001F);
    }
  }
}

TEST(Int8, KeepsZerosAndTurnsNumbersTooSmallToScaleIntoZeros) {
  const Block zeros = block_of("w", {0.0F, 0.0F});
  const Block tiny = block_of("w", {1e-44F, -1e-38F});

  EXPECT_EQ(coded(zeros, ScalePer::kTensor).values, (std::vector<float>{0.0F, 0.0F}));
  EXPECT_EQ(coded(tiny, ScalePer::kTensor).values, (std::vector<float>{0.0F, 0.0F}));
}

TEST(Int8, ReadsBackTheLargestNumbers) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const Block block = block_of("w", {kMost, -kMost});

  const Block decoded = coded(block, ScalePer::kTensor);

  EXPECT_FLOAT_EQ(decoded.values[0], kMost);
  EXPECT_FLOAT_EQ(decoded.values[1], -kMost);
}

TEST(Int8, KeepsEmptyBlocks) {
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{0, 3}, {3, 0}, {0}}) {
    for (const int axis : {-1, 0}) {
      const Block block{"none", shape, axis, {}};
      EXPECT_EQ(coded(block, ScalePer::kTensor), block);
      EXPECT_EQ(coded(block, ScalePer::kRow), block);
    }
  }
}

TEST(Int8, RefusesToEncodeWhatIsNotFinite) {
  for (const float value : {kInfinity, -kInfinity, std::nanf("")}) {
    const auto [code, text] = error_of([&] {
      int8_encode(block_of("conv1.mapper", {1.0F, value}), ScalePer::kTensor);
    });
    EXPECT_EQ(code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(text.starts_with("[int8] 'conv1.mapper': an element is ")) << text;
    EXPECT_TRUE(text.ends_with("; did local training diverge? lower the learning rate")) << text;
  }
}

TEST(Int8, RefusesEveryOtherLength) {
  const Block block = block_of("w", {1.0F, 2.0F});
  for (std::size_t size = 0; size < 12; ++size) {
    const std::string expected =
        size == 6 ? "accepted" : str("[int8] 'w': expected 6 bytes, got ", size);
    EXPECT_EQ(refusal(Bytes(size), block), expected);
  }
}

TEST(Int8, RefusesScalesThatAreNegativeOrNotFiniteOrWouldOverflow) {
  const Block block = block_of("w", {0.0F});
  for (const float scale : {-1.0F, kInfinity, std::nanf(""), 1e38F}) {
    Bytes bytes = copy_of(bytes_of(std::span(&scale, 1)));
    bytes.push_back(std::byte{0});
    EXPECT_TRUE(refusal(bytes, block).ends_with(" is not finite")) << refusal(bytes, block);
  }
}

}  // namespace
}  // namespace lorae::codec
