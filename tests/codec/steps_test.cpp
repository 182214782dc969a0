// Quantisers with coarse steps: bfloat16, int4, rms_step, product_step.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/quantisers/bfloat16.h"
#include "codec/quantisers/gram.h"
#include "codec/quantisers/int4.h"
#include "codec/quantisers/product_step.h"
#include "codec/quantisers/rms_step.h"
#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

constexpr float kMost = std::numeric_limits<float>::max();

Bytes rms_bytes(const Block& block, double c) {
  Bytes bytes;
  RmsStep{c}.encode({block, block.values}, bytes);
  EXPECT_EQ(bytes.size(), size_by(RmsStep{c}, block));
  return bytes;
}

Block rms_coded(const Block& block, double c) {
  Block decoded = block;
  RmsStep{c}.decode(rms_bytes(block, c), decoded).value();
  return decoded;
}

Bytes int4_bytes(const Block& block, const Int4& format, std::uint64_t seed = 0) {
  Random random(seed);
  Bytes bytes;
  format.encode({block, block.values}, random, bytes);
  EXPECT_EQ(bytes.size(), size_by(format, block));
  return bytes;
}

TEST(BFloat16, IsTheUpperHalfRoundedToEven) {
  EXPECT_EQ(bfloat_of(1.0F), 0x3f80);
  EXPECT_EQ(bfloat_of(-2.0F), 0xc000);
  EXPECT_EQ(bfloat_of(1.00390625F), 0x3f80) << "a tie";
  EXPECT_EQ(bfloat_of(1.01171875F), 0x3f82) << "a tie";
  EXPECT_EQ(bfloat_of(1.00390637F), 0x3f81);
  EXPECT_EQ(bfloat_of(kMost), 0x7f7f) << "not infinity";
  EXPECT_EQ(bfloat_of(-0.0F), 0x8000);
  for (unsigned bits = 0; bits < 0x7f80; ++bits) {
    ASSERT_EQ(bfloat_of(float_of_bfloat(static_cast<std::uint16_t>(bits))), bits);
    ASSERT_EQ(bfloat_above(float_of_bfloat(static_cast<std::uint16_t>(bits))), bits);
  }
  EXPECT_EQ(bfloat_above(std::nextafter(1.0F, 2.0F)), 0x3f81);
}

TEST(Int4, WritesTheScaleThenTwoStepsInAByte) {
  const Block block = block_of("w", {7.0F, -7.0F, 2.5F, 3.5F, -1.0F});

  EXPECT_EQ(to_hex(int4_bytes(block, {})), "803f97420f");
}

TEST(Int4, KeepsAScaleForEachRankIndex) {
  const Block extractor{"extractor", {2, 2}, 0, {7.0F, 1.0F, 14.0F, 2.0F}};
  const Block mapper{"mapper", {3, 2}, 1, {7.0F, 14.0F, 1.0F, 2.0F, -7.0F, 0.0F}};

  EXPECT_EQ(to_hex(int4_bytes(extractor, {ScalePer::kRow})), "803f00401717");
  EXPECT_EQ(to_hex(int4_bytes(mapper, {ScalePer::kRow})), "803f0040771109");
}

TEST(Int4, RoundsByChanceToTheValueOnAverage) {
  Block block = block_of("w", std::vector<float>(1001, 0.3F));
  block.values[0] = 7.0F;
  const Int4 format{ScalePer::kTensor, Rounding::kStochastic};
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Block decoded = block;
    format.decode(int4_bytes(block, format, seed), decoded).value();
    for (std::size_t i = 1; i < decoded.values.size(); ++i) {
      ASSERT_TRUE(decoded.values[i] == 0.0F || decoded.values[i] == 1.0F);
      sum += static_cast<double>(decoded.values[i]);
    }
  }
  EXPECT_NEAR(sum / 20000, 0.3, 0.02);  // six deviations
  EXPECT_NE(int4_bytes(block, format, 1), int4_bytes(block, format, 2));
  EXPECT_EQ(int4_bytes(block, format, 1), int4_bytes(block, format, 1));
}

TEST(Int4, RefusesStepsAndScalesThatItCannotHaveWritten) {
  Block block = block_of("w", {0.0F, 0.0F});
  const auto refusal = [&](const char* hex) {
    const auto decoded = Int4{}.decode(from_hex(hex), block);
    return decoded ? "accepted" : std::string(decoded.error().what());
  };

  EXPECT_EQ(refusal("803f97"), "accepted");
  EXPECT_EQ(refusal("803f80"), "[int4] 'w': a step is -8");
  EXPECT_EQ(refusal("80bf00"), "[int4] 'w': the scale is -1");
  EXPECT_EQ(refusal("807f00"), "[int4] 'w': the scale is inf");
}

TEST(RmsStep, WritesTheStepThenOneByteForEachValue) {
  // rms 2.5: one zero of five values does not count.
  const Block block = block_of("w", {-4.0F, 2.0F, 2.0F, 1.0F, 0.0F});

  EXPECT_EQ(to_hex(rms_bytes(block, 1.0)), "2040fe01010000");
  EXPECT_EQ(rms_coded(block, 1.0).values, (std::vector<float>{-5.0F, 2.5F, 2.5F, 0.0F, 0.0F}));
}

TEST(RmsStep, IsWrongByHalfAStepAtMost) {
  for (const float spread : {1e-30F, 1.0F, 1e30F}) {
    for (const double c : {0.05, 0.3, 1.0, 2.0}) {
      const Block block = random_block("w", {10, 100}, 0, 3, spread);
      const Block decoded = rms_coded(block, c);
      for (std::size_t i = 0; i < block.values.size(); ++i) {
        // Of 1000 normal draws the rms is near 1; the step is rounded to 8 bits.
        ASSERT_LE(std::fabs(decoded.values[i] - block.values[i]), spread * c * 0.54) << c;
      }
    }
  }
}

TEST(RmsStep, GrowsItsStepUntilTheLargestValueFits) {
  Block block = random_block("w", {10000}, -1, 3, 0.001F);
  block.values[17] = -50.0F;
  const Block decoded = rms_coded(block, 0.01);

  EXPECT_NEAR(decoded.values[17], -50.0F, 50.0F / 127 * 0.51F);
}

TEST(RmsStep, TakesEveryFiniteNumber) {
  for (const float value : {0.0F, 1e-45F, 1e-38F, 1.0F, kMost}) {
    const Block block = block_of("w", {value, -value, 0.0F});
    const Block decoded = rms_coded(block, 1.0);
    EXPECT_TRUE(all_finite(decoded.values)) << value;
    EXPECT_NEAR(decoded.values[0], value, std::max(0.01 * static_cast<double>(value), 1e-36));
    EXPECT_EQ(decoded.values[1], -decoded.values[0]);
  }
}

TEST(Gram, GivesTheSquareOfAProduct) {
  constexpr std::size_t kSize = 3;
  Gram columns(2), rows(2);
  const double left[2][kSize] = {{1, 2, 3}, {0, 1, -1}}, right[2][kSize] = {{2, 0, 1}, {1, 1, 1}};
  double square = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j < kSize; ++j) {
      square += std::pow(left[0][i] * right[0][j] + left[1][i] * right[1][j], 2);
    }
  }
  for (std::size_t vector = 0; vector < 2; ++vector) {
    std::copy_n(left[vector], kSize, columns.piece(vector));
    std::copy_n(right[vector], 2, rows.piece(vector));
  }
  columns.add();
  rows.add();
  for (std::size_t vector = 0; vector < 2; ++vector) {
    rows.piece(vector)[0] = right[vector][2];  // in another piece
  }
  rows.add();

  EXPECT_DOUBLE_EQ(columns.dot(rows), square);
}

/// A pair [m, r], [r, n] and what a client made of it, with rank indices of very different lengths.
struct PairCase {
  Blocks global, local;

  PairCase(std::int64_t outputs, std::int64_t rank, std::int64_t inputs) {
    global = {random_block("c.extractor", {rank, inputs}, 0, 1, 0.3F),
              random_block("c.mapper", {outputs, rank}, 1, 2, 0.2F)};
    for (Block& block : global) {
      const auto run = static_cast<std::size_t>(block.row_axis == 0 ? inputs : 1);
      for (std::size_t i = 0; i < block.values.size(); ++i) {
        const auto index = i / run % static_cast<std::size_t>(rank);
        block.values[i] *= std::pow(block.row_axis == 0 ? 0.7F : 1.5F, static_cast<float>(index));
      }
    }
    local = global;
    Random random(3);
    for (Block& block : local) {
      for (float& value : block.values) {
        value += static_cast<float>(0.02 * random.normal());
      }
    }
  }
};

/// Of the product's change, relative.
double product_error(const PairCase& pair, const Blocks& decoded) {
  const auto rank = static_cast<std::size_t>(pair.global[0].shape[0]);
  const std::size_t inputs = pair.global[0].values.size() / rank;
  const std::size_t outputs = pair.global[1].values.size() / rank;
  double error = 0, all = 0;
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < inputs; ++i) {
      double before = 0, wanted = 0, got = 0;
      for (std::size_t k = 0; k < rank; ++k) {
        const std::size_t a = k * inputs + i, b = o * rank + k;
        const auto global_a = static_cast<double>(pair.global[0].values[a]);
        const auto global_b = static_cast<double>(pair.global[1].values[b]);
        before += global_b * global_a;
        wanted += static_cast<double>(pair.local[1].values[b]) *
                  static_cast<double>(pair.local[0].values[a]);
        got += (global_b + static_cast<double>(decoded[1].values[b])) *
               (global_a + static_cast<double>(decoded[0].values[a]));
      }
      error += std::pow(got - wanted, 2);
      all += std::pow(wanted - before, 2);
    }
  }
  return std::sqrt(error / all);
}

TEST(ProductStep, NeedsFewerBytesThanRmsStepForTheSameErrorOfTheProduct) {
  const PairCase pair(64, 8, 288);
  const auto measure = [&](const char* text) {
    const Chain chain = Chain::parse(text);
    const Bytes payload = chain.encode(pair.local, pair.global).payload;
    return std::pair(payload.size(),
                     product_error(pair, decode_delta(chain, payload, pair.global).value()));
  };
  const auto [rms_bytes, rms_error] = measure("delta,rms_step:1,range");
  const auto [bytes, error] = measure("delta,product_step:1,range");

  EXPECT_NEAR(error, rms_error, 0.05) << "the same c makes about the same error";
  EXPECT_LT(static_cast<double>(bytes), 0.9 * static_cast<double>(rms_bytes));
}

TEST(ProductStep, DecodesFromWhatBothEndsHoldAlone) {
  const PairCase pair(16, 4, 30);
  const Chain chain = Chain::parse("delta,product_step:0.5");
  const Encoded encoded = chain.encode(pair.local, pair.global);
  PairCase other = pair;
  other.global[0].values[0] *= 3.0F;

  EXPECT_EQ(encoded.payload.size(), 4 + 2 * 2 + 4 * (16 + 30)) << "no lengths on the wire";
  EXPECT_LT(product_error(pair, decode_delta(chain, encoded.payload, pair.global).value()), 0.25);
  EXPECT_NE(decode_delta(chain, encoded.payload, pair.global).value(),
            decode_delta(chain, encoded.payload, other.global).value());
}

TEST(ProductStep, MovesAFactorThatMeetsZeros) {
  PairCase pair(16, 4, 30);
  for (float& value : pair.global[1].values) {
    value = 0;  // mappers begin at 0
  }
  pair.local[1] = pair.global[1];
  for (float& value : pair.local[1].values) {
    value = 1e-6F;
  }
  const Chain chain = Chain::parse("delta,product_step:1");
  const Blocks decoded =
      decode_delta(chain, chain.encode(pair.local, pair.global).payload, pair.global).value();

  const auto moved = std::ranges::count_if(decoded[0].values, [](float x) { return x != 0; });
  EXPECT_GT(moved, 10) << "of 120: beyond 1.25 deviations";
}

}  // namespace
}  // namespace lorae::codec
