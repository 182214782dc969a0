#include "codec/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

/// Compares values only within `bound`; names and shapes exactly.
void expect_near(const Blocks& a, const Blocks& b, float bound) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].shape, b[i].shape);
    EXPECT_EQ(a[i].row_axis, b[i].row_axis);
    ASSERT_EQ(a[i].values.size(), b[i].values.size());
    for (std::size_t j = 0; j < a[i].values.size(); ++j) {
      EXPECT_NEAR(a[i].values[j], b[i].values[j], bound) << a[i].name;
    }
  }
}

float largest_of(const Blocks& blocks) {
  float largest = 0;
  for (const Block& block : blocks) {
    for (const float value : block.values) {
      largest = std::max(largest, std::fabs(value));
    }
  }
  return largest;
}

TEST(Pipeline, WritesALengthBeforeEachBlock) {
  const Pipeline pipeline = Pipeline::parse("float32");
  const Blocks state = {block_of("a", {1.0F}), block_of("b", {2.0F, 0.5F})};

  EXPECT_EQ(to_hex(pipeline.encode_state(state)),
            "04000000"
            "0000803f"
            "08000000"
            "000000400000003f");
}

TEST(Pipeline, WritesInt8BlocksAsScalesAndSteps) {
  const Pipeline pipeline = Pipeline::parse("delta,int8");
  const Blocks global = {block_of("a", {1.0F, 1.0F})};
  const Blocks local = {block_of("a", {128.0F, -1.0F})};

  EXPECT_EQ(to_hex(pipeline.encode(local, global)), "060000000000803f7ffe");
}

TEST(Pipeline, DecodesEveryChainToTheDelta) {
  const Blocks global = random_state(10);
  const Blocks local = random_state(20);
  const Blocks delta = subtract(local, global);
  for (const std::string& chain : all_chains()) {
    const Pipeline pipeline = Pipeline::parse(chain);
    const Blocks& coded = pipeline.delta() ? delta : local;
    const float bound = pipeline.lossless() ? 0.0F : largest_of(coded) / 127 * 0.5001F;

    const auto decoded = pipeline.decode_delta(pipeline.encode(local, global), global);

    ASSERT_TRUE(decoded) << chain << ": " << decoded.error().what();
    expect_near(*decoded, delta, bound);
  }
}

TEST(Pipeline, GivesBackTheVeryBitsOfALosslessState) {
  const Blocks state = random_state(10);
  for (const std::string chain : {"float32", "zstd", "zstd:9", "float32,zstd:1"}) {
    const Pipeline pipeline = Pipeline::parse(chain);

    EXPECT_TRUE(pipeline.lossless());
    EXPECT_EQ(pipeline.decode_state(pipeline.encode_state(state), state).value(), state) << chain;
  }
}

TEST(Pipeline, KeepsEmptyBlocksAndEmptyStates) {
  const Blocks state = {block_of("none", {}), block_of("one", {1.0F})};
  for (const std::string& chain : all_chains()) {
    const Pipeline pipeline = Pipeline::parse(chain);
    const auto decoded = pipeline.decode_delta(pipeline.encode(state, state), state);
    ASSERT_TRUE(decoded) << chain << ": " << decoded.error().what();
    EXPECT_EQ(decoded->at(0).values.size(), 0U);
    EXPECT_TRUE(pipeline.decode_delta({}, {}).value().empty());
  }
}

TEST(Pipeline, CountsBytesByLayerSoThatTheySumToThePayload) {
  const Blocks state = random_state(10);
  for (const std::string& chain : all_chains()) {
    const Pipeline pipeline = Pipeline::parse(chain);
    const Bytes payload = pipeline.encode(state, state);

    const auto layers = pipeline.layer_bytes(payload, state);

    ASSERT_EQ(layers.size(), 2U);
    EXPECT_EQ(layers[0].layer, "conv1");
    EXPECT_EQ(layers[0].raw, 4 * (6 + 6 + 12));
    EXPECT_EQ(layers[1].layer, "fc");
    EXPECT_EQ(layers[1].raw, 4 * 12);
    EXPECT_EQ(layers[0].encoded + layers[1].encoded, static_cast<std::int64_t>(payload.size()));
  }
}

TEST(Pipeline, KnowsItsProperties) {
  EXPECT_TRUE(Pipeline::parse("delta,zstd").delta());
  EXPECT_FALSE(Pipeline::parse("float32").delta());
  EXPECT_TRUE(Pipeline::parse("delta,zstd").lossless());
  EXPECT_FALSE(Pipeline::parse("int8:row").lossless());
}

TEST(Pipeline, IsSmallerWithEachStage) {
  const Blocks state = {random_block("conv1.extractor", {8, 100}, 0, 1)};

  const std::size_t raw = Pipeline::parse("float32").encode_state(state).size();
  const std::size_t int8 = Pipeline::parse("int8:row").encode_state(state).size();
  const std::size_t zstd = Pipeline::parse("int8:row,zstd").encode_state(state).size();

  EXPECT_EQ(raw, 4 + 800 * 4U);
  EXPECT_EQ(int8, 4 + 8 * 4 + 800U);
  EXPECT_LT(zstd, int8 + 16);
}

TEST(Pipeline, NamesTheStageThatIsWrong) {
  const std::string known = "; known: delta, int8, int8:row, zstd, zstd:1 to zstd:9, float32";
  const auto refusal = [](const char* chain) {
    return config_error([&] { Pipeline::parse(chain); });
  };

  EXPECT_EQ(refusal("int4"), "[codec] chain 'int4': stage 'int4' is unknown" + known);
  EXPECT_EQ(refusal("int8,delta"),
            "[codec] chain 'int8,delta': stage 'delta' must come first" + known);
  EXPECT_EQ(refusal("zstd:3,int8"),
            "[codec] chain 'zstd:3,int8': stage 'zstd:3' must come last" + known);
  for (const char* chain : {"", "delta,", ",int8", "zstd:0", "zstd:10", "zstd:", "zstd:x", "Int8",
                            " int8", "int8:column", "delta,delta", "zstd,zstd"}) {
    EXPECT_TRUE(refusal(chain).starts_with("[codec] chain '")) << chain;
  }
}

TEST(Pipeline, RefusesToEncodeWhatIsNotFinite) {
  const Blocks global = {block_of("w", {0.0F})};
  for (const std::string& chain : all_chains()) {
    for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      const Blocks local = {block_of("w", {value})};
      const auto [code, text] = error_of([&] { Pipeline::parse(chain).encode(local, global); });
      EXPECT_EQ(code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(text,
                "[codec] a value to send is not finite; did local training diverge? lower the "
                "learning rate");
    }
  }
}

TEST(Pipeline, RefusesToSendAWholeStateAsADelta) {
  EXPECT_EQ(config_error([] { Pipeline::parse("delta,zstd").encode_state({}); }),
            "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
}

TEST(Subtract, RefusesBlocksThatAreNotAligned) {
  const Blocks a = {block_of("a", {1.0F})};
  const auto refusal = [&](const Blocks& b) { return error_of([&] { subtract(a, b); }).second; };

  EXPECT_EQ(subtract(a, {block_of("a", {0.25F})}), Blocks{block_of("a", {0.75F})});
  EXPECT_EQ(refusal({}), "[codec] expected 0 blocks, got 1");
  EXPECT_EQ(refusal({block_of("b", {1.0F})}), "[codec] 'a' does not match 'b'");
  EXPECT_EQ(refusal({block_of("a", {1.0F, 2.0F})}), "[codec] 'a' does not match 'a'");
}

TEST(LayerOf, IsTheNameUpToTheLastDot) {
  EXPECT_EQ(layer_of("layer1.0.conv1.weight"), "layer1.0.conv1");
  EXPECT_EQ(layer_of("weight"), "weight");
}

}  // namespace
}  // namespace lorae::codec
