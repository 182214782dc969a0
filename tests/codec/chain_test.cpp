#include "codec/chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/text.h"
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

TEST(Chain, WritesALengthBeforeEachBlock) {
  const Chain chain = Chain::parse("float32");
  const Blocks state = {block_of("a", {1.0F}), block_of("b", {2.0F, 0.5F})};

  EXPECT_EQ(to_hex(chain.encode_state(state).payload),
            "04000000"
            "0000803f"
            "08000000"
            "000000400000003f");
}

TEST(Chain, WritesInt8BlocksAsScalesAndSteps) {
  const Chain chain = Chain::parse("delta,int8");
  const Blocks global = {block_of("a", {1.0F, 1.0F})};
  const Blocks local = {block_of("a", {128.0F, -1.0F})};

  EXPECT_EQ(to_hex(chain.encode(local, global).payload), "060000000000803f7ffe");
}

TEST(Chain, DecodesEveryChainToTheDelta) {
  const Blocks global = random_state(10);
  const Blocks local = random_state(20);
  const Blocks delta = subtract(local, global);
  for (const auto& [text, relative] : chain_cases()) {
    const Chain chain = Chain::parse(text);
    const Blocks& coded = chain.delta() ? delta : local;
    const float bound = largest_of(coded) * static_cast<float>(relative * 1.001);

    const auto decoded = decode_delta(chain, chain.encode(local, global).payload, global);

    ASSERT_TRUE(decoded) << text << ": " << decoded.error().what();
    expect_near(*decoded, delta, bound);
  }
}

TEST(Chain, GivesBackTheVeryBitsOfALosslessState) {
  const Blocks state = random_state(10);
  for (const std::string text : {"float32", "zstd", "zstd:9", "float32,zstd:1", "stored"}) {
    const Chain chain = Chain::parse(text);

    EXPECT_TRUE(chain.lossless());
    EXPECT_EQ(
        chain.decode_state(chain.encode_state(state).payload, layout_of(state)).value().blocks,
        state)
        << text;
  }
}

TEST(Chain, KeepsEmptyBlocksAndEmptyStates) {
  const Blocks state = {block_of("none", {}), block_of("one", {1.0F})};
  for (const std::string& text : all_chains()) {
    const Chain chain = Chain::parse(text);
    const auto decoded = decode_delta(chain, chain.encode(state, state).payload, state);
    ASSERT_TRUE(decoded) << text << ": " << decoded.error().what();
    EXPECT_EQ(decoded->at(0).values.size(), 0U);
    EXPECT_TRUE(decode_delta(chain, {}, {}).value().empty());
  }
}

TEST(Chain, CountsBytesByLayerSoThatTheySumToThePayload) {
  const Blocks state = random_state(10);
  for (const std::string& text : all_chains()) {
    const Chain chain = Chain::parse(text);
    const Encoded encoded = chain.encode(state, state);

    const auto decoded = chain.decode_delta(encoded.payload, layout_of(state), state);

    const std::vector<StageBytes>& layers = decoded.value().stages;
    EXPECT_EQ(layers, encoded.stages) << text;
    ASSERT_EQ(layers.size(), 2U);
    EXPECT_EQ(layers[0].layer, "conv1");
    EXPECT_EQ(layers[0].after(kStageRaw), 4 * (6 + 6 + 12));
    EXPECT_EQ(layers[1].layer, "fc");
    EXPECT_EQ(layers[1].after(kStageRaw), 4 * 12);
    EXPECT_EQ(layers[0].after(kStageCoded) + layers[1].after(kStageCoded),
              std::ssize(encoded.payload));
  }
}

TEST(Chain, CountsBytesAfterEachStage) {
  const Blocks state = {{{"conv1.extractor", {4, 1000}, 0}, std::vector<float>(4000)}};
  const auto stages = [&](const char* text) {
    const Encoded encoded = Chain::parse(text).encode_state(state);
    EXPECT_EQ(encoded.stages.at(0).bytes.size(), 3U);
    EXPECT_EQ(encoded.stages.at(0).bytes[1].first, "quantised");
    return encoded.stages.at(0);
  };

  EXPECT_EQ(stages("float32").after("raw"), 16000);
  EXPECT_EQ(stages("float32").after("quantised"), 16000);
  EXPECT_EQ(stages("float32").after("coded"), 4 + 16000);
  EXPECT_EQ(stages("float16").after("quantised"), 8000);
  EXPECT_EQ(stages("int8,zstd").after("quantised"), 4 + 4000);
  EXPECT_EQ(stages("int8:row,zstd").after("quantised"), 4 * 4 + 4000);
  EXPECT_LT(stages("int8:row,zstd").after("coded"), 50);
  EXPECT_EQ(stages("int8").after("framed"), 0);
}

TEST(Chain, KnowsItsProperties) {
  EXPECT_TRUE(Chain::parse("delta,zstd").delta());
  EXPECT_FALSE(Chain::parse("float32").delta());
  EXPECT_TRUE(Chain::parse("delta,zstd").lossless());
  EXPECT_FALSE(Chain::parse("int8:row").lossless());
  EXPECT_FALSE(Chain::parse("float16").lossless());
  EXPECT_EQ(Chain::parse("delta,int8:row,zstd").text(), "delta,int8:row,zstd");
}

TEST(Chain, IsSmallerWithEachStage) {
  const Blocks state = {random_block("conv1.extractor", {8, 100}, 0, 1)};

  const std::size_t raw = Chain::parse("float32").encode_state(state).payload.size();
  const std::size_t int8 = Chain::parse("int8:row").encode_state(state).payload.size();
  const std::size_t zstd = Chain::parse("int8:row,zstd").encode_state(state).payload.size();

  EXPECT_EQ(raw, 4 + 800 * 4U);
  EXPECT_EQ(int8, 4 + 8 * 4 + 800U);
  EXPECT_LT(zstd, int8 + 16);
}

TEST(Chain, NamesTheStageThatIsWrong) {
  const std::string known =
      "; known: delta; selection: top_k:density, segments:n; quantiser: float32, float16, "
      "bfloat16, "
      "int8, int8:row, int4, int4:row, int4:stochastic, int4:row:stochastic, rms_step:c, "
      "product_step:c; coder: stored, zstd, zstd:1, zstd:2, zstd:3, zstd:4, zstd:5, zstd:6, "
      "zstd:7, "
      "zstd:8, zstd:9, range";
  const auto refusal = [](const char* chain) { return config_error([&] { Chain::parse(chain); }); };

  EXPECT_EQ(refusal("int5"), "[codec] chain 'int5': stage 'int5' is unknown" + known);
  EXPECT_EQ(refusal("int8,delta"),
            "[codec] chain 'int8,delta': stage 'delta' must come before 'int8'" + known);
  EXPECT_EQ(refusal("zstd:3,int8"),
            "[codec] chain 'zstd:3,int8': stage 'int8' must come before 'zstd:3'" + known);
  EXPECT_EQ(
      refusal("int8,int8:row"),
      "[codec] chain 'int8,int8:row': stage 'int8:row' is a second quantiser after 'int8'" + known);
  for (const char* chain :
       {"", "delta,", ",int8", "zstd:0", "zstd:10", "zstd:", "zstd:x", "Int8", " int8",
        "int8:column", "delta,delta", "zstd,zstd", "float32,int8", "zstd,stored", "zstd,delta",
        "selection", "top_k", "range:1", "rms_step:1,delta"}) {
    EXPECT_TRUE(refusal(chain).starts_with("[codec] chain '")) << chain;
  }
}

TEST(Chain, NamesTheNumberThatIsWrong) {
  const auto refusal = [](const char* chain) {
    const std::string text = config_error([&] { Chain::parse(chain); });
    return text.substr(0, text.find("; known"));
  };

  EXPECT_EQ(refusal("rms_step:0"),
            "[codec] chain 'rms_step:0': stage 'rms_step:0' needs a number from 0.001 to 1000");
  EXPECT_EQ(
      refusal("delta,segments:1.5"),
      "[codec] chain 'delta,segments:1.5': stage 'segments:1.5' needs a whole number from 1 to "
      "1000");
  for (const char* number : {"", ":", ":x", ":1x", ":nan", ":inf", ":-1", ": 1", ":1001", ":1:1"}) {
    EXPECT_NE(refusal(str("rms_step", number).c_str()).find("needs a number"), std::string::npos)
        << number;
  }
  EXPECT_EQ(Chain::parse("rms_step:1e-2").text(), "rms_step:1e-2");
}

TEST(Chain, RefusesStagesOfChangesWithoutDelta) {
  EXPECT_EQ(config_error([] { Chain::parse("top_k:0.1,int8"); }),
            "[codec] chain 'top_k:0.1,int8': 'top_k:0.1' is about changes, not about whole states; "
            "begin with 'delta'");
  EXPECT_EQ(config_error([] { Chain::parse("product_step:1"); }),
            "[codec] chain 'product_step:1': 'product_step:1' is about changes, not about whole "
            "states; begin with 'delta'");
}

TEST(Chain, ListsItsStagesInTheOrderOfThePlaces) {
  const std::vector<std::string>& stages = known_stages();

  EXPECT_EQ(stages.front(), "delta");
  EXPECT_EQ(stages.back(), "range");
  EXPECT_EQ(std::ranges::count(stages, "rms_step:c"), 1);
  EXPECT_LT(join(stages, ",").size(), 480U) << "the text of a Hello";
}

TEST(Chain, MeasuresTheEntropyOfSteps) {
  const Blocks state = {block_of("a", {127, -127, 127, -127, -127, 127, 127, -127}),
                        block_of("b", {0, 0, 7, 7})};
  const auto bits = [&](const char* text) { return Chain::parse(text).entropy_bits(state, state); };

  EXPECT_NEAR(bits("int8"), 32 + 8 * 1 + 32 + 4 * 1, 1e-9);
  EXPECT_NEAR(bits("int4"), 16 + 8 * 1 + 16 + 4 * 1, 1e-9);
  EXPECT_NEAR(bits("float16"), 12 * 16, 1e-9) << "no steps";
  EXPECT_NEAR(bits("delta,rms_step:1"), 2 * 24, 1e-9) << "nothing changed";
}

TEST(Chain, SaysWhatAnEncodingLost) {
  const Blocks global = random_state(10), local = random_state(20);
  for (const std::string& text : all_chains()) {
    const Chain chain = Chain::parse(text);
    const Bytes payload = chain.encode(local, global, {.round = 1}).payload;

    const Blocks lost = chain.lost(payload, local, global);

    Blocks sent = subtract(local, global);
    subtract_(sent, lost);
    expect_near(sent, decode_delta(chain, payload, global).value(), 1e-6F);
    if (chain.lossless() && chain.delta()) {
      EXPECT_EQ(lost, subtract(global, global)) << text;
    }
  }
}

TEST(Chain, FitsIntoTheBytesThatItIsGiven) {
  const Blocks global = {random_block("conv1.extractor", {8, 16, 3, 3}, 0, 1),
                         random_block("conv1.mapper", {64, 8}, 1, 2)};
  const Blocks local = {random_block("conv1.extractor", {8, 16, 3, 3}, 0, 3),
                        random_block("conv1.mapper", {64, 8}, 1, 4, 0.01F)};
  const Chain chain = Chain::parse("delta,rms_step:0.5,range");
  const Bytes whole = chain.encode(local, global).payload;
  double lost = -1;
  for (const std::int64_t most : {5000, 500, 300, 150, 60}) {
    const Bytes payload = chain.encode_within({most}, local, global).payload;

    EXPECT_LE(std::ssize(payload), most);
    if (most >= std::ssize(whole)) {
      EXPECT_EQ(payload, whole);
    } else if (most >= 150) {
      EXPECT_GE(static_cast<double>(payload.size()), 0.85 * static_cast<double>(most));
    }
    const Blocks left = chain.lost(payload, local, global);
    double error = 0;
    for (const float value : left[0].values) {
      error += static_cast<double>(value) * static_cast<double>(value);
    }
    EXPECT_GT(error, lost) << most;
    lost = error;
  }
  const auto [code, text] = error_of([&] { chain.encode_within({5}, local, global); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_NE(text.find("raise max_uplink"), std::string::npos) << text;
}

TEST(Chain, CanBeCoarserIfItSendsChangesInStepsOfAnySize) {
  EXPECT_TRUE(Chain::parse("delta,rms_step:1.0,range").can_be_coarser());
  EXPECT_TRUE(Chain::parse("delta,top_k:0.1,rms_step:1.0,zstd").can_be_coarser());
  for (const char* text :
       {"delta", "rms_step:1.0,range", "delta,int8,zstd", "delta,product_step:1.0,range"}) {
    EXPECT_FALSE(Chain::parse(text).can_be_coarser()) << text;
  }
}

TEST(Chain, RefusesToEncodeWhatIsNotFinite) {
  const Blocks global = {block_of("w", {0.0F})};
  for (const std::string& chain : all_chains()) {
    for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      const Blocks local = {block_of("w", {value})};
      const auto [code, text] = error_of([&] { Chain::parse(chain).encode(local, global); });
      EXPECT_EQ(code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(text,
                "[codec] a value to send is not finite; did local training diverge? lower the "
                "learning rate");
    }
  }
}

TEST(Chain, RefusesBlocksWithAnotherNumberOfValuesThanTheirShape) {
  const Blocks state = {{{"w", {2, 2}, 0}, {1.0F}}};

  EXPECT_EQ(error_of([&] { Chain::parse("int8:row").encode_state(state); }).second,
            "[codec] 'w': expected 4 values, got 1");
}

TEST(Chain, RefusesToSendAWholeStateAsADelta) {
  EXPECT_EQ(config_error([] { Chain::parse("delta,zstd").encode_state({}); }),
            "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
}

TEST(Subtract, RefusesBlocksThatAreNotAligned) {
  const Blocks a = {block_of("a", {1.0F})};
  const auto refusal = [&](const Blocks& b) { return error_of([&] { subtract(a, b); }).second; };

  EXPECT_EQ(subtract(a, {block_of("a", {0.25F})}), Blocks{block_of("a", {0.75F})});
  Blocks in_place = a;
  subtract_(in_place, {block_of("a", {0.25F})});
  EXPECT_EQ(in_place, Blocks{block_of("a", {0.75F})});
  EXPECT_EQ(refusal({}), "[codec] expected 0 blocks, got 1");
  EXPECT_EQ(refusal({block_of("b", {1.0F})}), "[codec] 'a' does not match 'b'");
  EXPECT_EQ(refusal({block_of("a", {1.0F, 2.0F})}), "[codec] 'a' does not match 'a'");
}

TEST(AllFinite, SeesEveryValue) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (std::size_t size = 0; size < 40; ++size) {
    std::vector<float> values(size, std::numeric_limits<float>::lowest());
    EXPECT_TRUE(all_finite(values));
    for (std::size_t i = 0; i < size; ++i) {
      for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
        std::vector<float> worse = values;
        worse[i] = bad;
        EXPECT_FALSE(all_finite(worse));
      }
    }
  }
}

TEST(Layout, KnowsWhatDecodingNeeds) {
  const Layout layout = layout_of(random_state(1));

  ASSERT_EQ(layout.blocks().size(), 4U);
  EXPECT_EQ(layout.blocks()[1], (BlockShape{"conv1.extractor", {2, 3, 1, 1}, 0}));
  EXPECT_EQ(layout.blocks()[1].numel(), 6U);
  EXPECT_EQ((BlockShape{"scalar", {}, -1}.numel()), 1U);
  ASSERT_EQ(layout.layers().size(), 2U);
  EXPECT_EQ(layout.layers()[0].layer, "conv1");
  EXPECT_EQ(layout.layers()[0].end, 3U);
  EXPECT_EQ(layout.layers()[1].of(layout.blocks()).front().name, "fc.weight");
  EXPECT_EQ(layout.zeros()[3], (Block{{"fc.weight", {3, 4}, -1}, std::vector<float>(12)}));
}

TEST(LayerOf, IsTheNameUpToTheLastDot) {
  EXPECT_EQ(layer_of("layer1.0.conv1.weight"), "layer1.0.conv1");
  EXPECT_EQ(layer_of("weight"), "weight");
}

}  // namespace
}  // namespace lorae::codec
