#include <gtest/gtest.h>

#include "codec/selections/segments.h"
#include "codec/selections/top_k.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

std::vector<float> thinned(double density, std::vector<float> changes) {
  TopK(density).thin_(changes);
  return changes;
}

TEST(TopK, KeepsTheLargestOfATensor) {
  EXPECT_EQ(thinned(0.5, {1, -3, 2, 0, -1, 2.5F}), (std::vector<float>{0, -3, 2, 0, 0, 2.5F}));
  EXPECT_EQ(thinned(0.01, {1, -3, 2}), (std::vector<float>{0, -3, 0})) << "at least one";
  EXPECT_EQ(thinned(1.0, {1, -3, 2}), (std::vector<float>{1, -3, 2}));
  EXPECT_EQ(thinned(0.5, {}), std::vector<float>{});
}

TEST(TopK, KeepsTheFirstOfEqualOnes) {
  EXPECT_EQ(thinned(0.5, {1, 1, -1, 5}), (std::vector<float>{1, 0, 0, 5}));
  EXPECT_EQ(thinned(0.4, {2, -2, 2, 2, 2}), (std::vector<float>{2, -2, 0, 0, 0}));
}

TEST(TopK, SendsWhatIsKeptAndZeros) {
  const Blocks global = random_state(1), local = random_state(2);
  const Blocks delta = subtract(local, global);
  const Chain chain = Chain::parse("delta,top_k:0.25,range");
  const Blocks decoded =
      decode_delta(chain, chain.encode(local, global).payload, global).value();
  for (std::size_t i = 0; i < delta.size(); ++i) {
    std::vector<float> expected = delta[i].values;
    TopK(0.25).thin_(expected);
    EXPECT_EQ(decoded[i].values, expected);
  }
  EXPECT_FALSE(chain.lossless());
}

TEST(Segments, SendEachLayerOnceInAllTurns) {
  const std::vector<std::size_t> sizes = {10, 0, 500, 30, 200, 100, 70};
  for (const std::uint64_t count : {1U, 2U, 3U, 20U}) {
    const Segments segments(static_cast<double>(count));
    for (std::size_t layer = 0; layer < sizes.size(); ++layer) {
      std::uint64_t sent = 0;
      for (std::uint64_t round = 5; round < 5 + count; ++round) {
        sent += segments.sends(sizes, layer, round) ? 1 : 0;
      }
      EXPECT_EQ(sent, 1U) << layer << " of " << count;
    }
  }
}

TEST(Segments, AreAboutEquallyLarge) {
  const std::vector<std::size_t> sizes(20, 100);
  const Segments segments(4);
  for (std::uint64_t round = 0; round < 4; ++round) {
    int sent = 0;
    for (std::size_t layer = 0; layer < sizes.size(); ++layer) {
      sent += segments.sends(sizes, layer, round) ? 1 : 0;
    }
    EXPECT_EQ(sent, 5);
  }
}

TEST(Segments, CostNextToNothingWhereNothingIsSent) {
  const Blocks global = random_state(1), local = random_state(2);
  for (const char* text : {"delta,segments:2", "delta,segments:2,int8,zstd",
                           "delta,segments:2,float16,range"}) {
    const Chain chain = Chain::parse(text);
    std::size_t sent = 0;
    for (const std::uint64_t round : {0U, 1U}) {
      const Encoded encoded = chain.encode(local, global, {.round = round});
      const auto decoded = chain.decode_delta(encoded.payload, layout_of(global), global);
      EXPECT_EQ(decoded.value().stages, encoded.stages);
      for (const StageBytes& layer : encoded.stages) {
        sent += layer.after(kStageCoded) > 9 ? 1 : 0;
      }
    }
    EXPECT_EQ(sent, 2U) << text << ": each of two layers once";
  }
}

}  // namespace
}  // namespace lorae::codec
