// The bytes of payloads are a format: what a chain writes today, it writes for ever.
#include <gtest/gtest.h>
#include <zstd.h>

#include <string>

#include "base/digest.h"
#include "codec/chain.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

/// Draws that are the same on every machine, with zeros among them.
Block exact_block(std::string name, std::vector<std::int64_t> shape, int row_axis, Random& random) {
  Block block = random_block(std::move(name), std::move(shape), row_axis, 0);
  for (float& value : block.values) {
    value = random.below(8) == 0 ? 0.0F : (random.uniform() - 0.5F) * random.uniform();
  }
  return block;
}

Blocks exact_state(std::uint64_t seed) {
  Random random(seed);
  return {exact_block("conv1.bias", {16}, -1, random),
          exact_block("conv1.extractor", {4, 5, 3, 3}, 0, random),
          exact_block("conv1.mapper", {16, 4, 1, 1}, 1, random),
          exact_block("conv2.middle", {3, 7, 5}, 1, random),
          exact_block("fc.weight", {10, 16}, 0, random)};
}

struct Case {
  std::string chain;
  std::size_t size;
  std::string digest;  ///< of the payload, its first eight bytes
};

TEST(PayloadBytes, AreWhatTheyHaveAlwaysBeen) {
  const std::vector<Case> cases = {
      {"float32", 2112, "3255070a59638b4e"},
      {"delta", 2112, "4e030742f0dfdde7"},
      {"int8", 557, "4ee51953c271254d"},
      {"delta,int8:row", 641, "e9061e5bf0a68f51"},
      {"zstd", 2028, "1da179db58d3b32a"},
      {"delta,int8:row,zstd", 669, "147577d95b9bc892"},
      {"int8,zstd:9", 585, "634a03e794af4422"},
      {"delta,bfloat16", 1062, "7bcf0be5de3437bc"},
      {"delta,int4:row", 327, "e08a365d580eb2f7"},
      {"delta,int4:row:stochastic,range", 297, "0900e43498f7a658"},
      {"delta,rms_step:1,range", 171, "4ef1f1b151a2ef8b"},
      {"delta,product_step:1,range", 185, "ec01a0dec00f2c5f"},
      {"delta,top_k:0.1,int8,range", 125, "92a96f3ecc3c750f"},
      {"range", 1773, "124c4a1898543f42"},
  };
  for (const auto& [chain, size, digest] : cases) {
    if (chain.find("zstd") != std::string::npos && ZSTD_versionNumber() != 10504) {
      continue;  // another libzstd finds other matches
    }
    const Bytes payload = Chain::parse(chain).encode(exact_state(1), exact_state(2)).payload;
    EXPECT_EQ(payload.size(), size) << chain;
    EXPECT_EQ(digest_of(payload).hex().substr(0, 16), digest) << chain;
  }
}

}  // namespace
}  // namespace lorae::codec
