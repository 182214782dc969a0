// The quantiser of docs/adding_a_codec_stage.md, built from the page itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

TEST(AddingACodecStage, AsThePageSaysMakesOneThatChainsKnow) {
  EXPECT_EQ(std::ranges::count(known_stages(), "int16"), 1);
  const Chain chain = Chain::parse("delta,int16,zstd");
  EXPECT_FALSE(chain.lossless());
  EXPECT_EQ(
      config_error([] { Chain::parse("int16,int8"); })
          .find("[codec] chain 'int16,int8': stage 'int8' is a second quantiser after 'int16'; "
                "known: "),
      0U);
}

TEST(AddingACodecStage, AsThePageSaysMakesOneThatRoundTrips) {
  const Blocks global = random_state(1), local = random_state(2);
  const Blocks delta = subtract(local, global);
  for (const char* text : {"delta,int16", "delta,int16,zstd"}) {
    const Chain chain = Chain::parse(text);
    const Encoded encoded = chain.encode(local, global);
    EXPECT_EQ(encoded.stages[0].after(kStageQuantised), 3 * 4 + 2 * (6 + 6 + 12));
    const Blocks decoded = decode_delta(chain, encoded.payload, global).value();
    for (std::size_t i = 0; i < delta.size(); ++i) {
      for (std::size_t j = 0; j < delta[i].values.size(); ++j) {
        EXPECT_NEAR(decoded[i].values[j], delta[i].values[j], 1e-4);  // of values up to 6
      }
    }
    for (std::size_t size = 0; size < encoded.payload.size(); ++size) {
      EXPECT_FALSE(decode_delta(chain, first(encoded.payload, size), global)) << size;
    }
  }
}

}  // namespace
}  // namespace lorae::codec
