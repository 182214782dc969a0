#include "codec/coders/range.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <map>

#include "base/digest.h"
#include "codec/coders/tokens.h"
#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

using Kind = Segment::Kind;

struct Written {
  Bytes payload;
  std::vector<std::size_t> coded;
};

Written written(const std::vector<Bytes>& layers, const std::vector<std::vector<Segment>>& like) {
  const auto encoding = Range().encoding();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    encoding->add(layers[i], like[i]);
  }
  Written written;
  written.coded = encoding->finish(written.payload);
  return written;
}

Bytes payload_of(const Bytes& layer, const Segment& segment) {
  return written({layer}, {{segment}}).payload;
}

Result<Bytes> read(ByteView payload, const Segment& segment) {
  const auto decoding = Range().decoding(payload);
  auto layer = decoding->next(std::span(&segment, 1));
  if (!layer) {
    return layer.error();
  }
  Bytes bytes = copy_of(layer->bytes);
  if (auto done = decoding->finish(); !done) {
    return done.error();
  }
  return bytes;
}

/// Steps as normal draws of a spread, cut at what int8 holds; the same on every machine would need
/// more care, and is not needed.
Bytes normal_steps(std::size_t count, double spread, std::uint64_t seed) {
  Random random(seed);
  Bytes bytes(count);
  for (std::byte& byte : bytes) {
    const double step = std::clamp(std::nearbyint(spread * random.normal()), -127.0, 127.0);
    byte = static_cast<std::byte>(static_cast<std::int8_t>(step));
  }
  return bytes;
}

double entropy_of(const Bytes& steps) {
  std::map<std::byte, double> counts;
  for (const std::byte step : steps) {
    counts[step] += 1;
  }
  double bits = 0;
  for (const auto& [step, count] : counts) {
    bits -= count * std::log2(count / static_cast<double>(steps.size()));
  }
  return bits;
}

TEST(StepToken, GivesBackEveryByte) {
  for (int step = -128; step < 128; ++step) {
    const StepToken token = StepToken::of(step);
    EXPECT_LT(token.token, StepToken::kCount);
    EXPECT_EQ(StepToken::width_of(token.token), token.width);
    EXPECT_LT(token.bits, 1U << token.width);
    EXPECT_EQ(StepToken::step_of(token.token, token.bits), step);
  }
}

TEST(Frequencies, ShareAllSlotsAmongAllTokensWhateverComes) {
  Random random(3);
  const std::vector<std::uint16_t> first = {1, 500, 1, 2, 70};
  Frequencies writer(first), reader(first);
  for (int i = 0; i < 100000; ++i) {
    const auto token = static_cast<unsigned>(i < 50000 ? 2 : random.below(5));
    const Frequencies::Share share = writer.count(token);
    ASSERT_GE(share.size, 1);
    ASSERT_LE(share.start + share.size, static_cast<int>(Frequencies::kAll));
    Frequencies::Share found;
    ASSERT_EQ(reader.find(share.start + share.size - 1U, found), token);
    ASSERT_EQ(found.start, share.start);
    ASSERT_EQ(found.size, share.size);
  }
}

TEST(Range, GivesBackWhatWentIn) {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 100U, 5000U, 300001U}) {
    for (const double spread : {0.0, 0.02, 0.5, 1.0, 7.0, 40.0, 1e9}) {
      const Bytes bytes = normal_steps(count, spread, 5);
      for (const Segment& segment :
           {Segment{Kind::kSteps, count, 7}, Segment{Kind::kSteps, count, 1},
            Segment{Kind::kBytes, count, 1}, Segment{Kind::kNibbles, 2 * count, 8}}) {
        const Bytes payload = payload_of(bytes, segment);
        ASSERT_EQ(read(payload, segment).value(), bytes) << count << ' ' << spread;
        ASSERT_LE(payload.size(), bytes.size() + 1);
      }
    }
  }
}

TEST(Range, TakesBytesOfNumbersByTheirPlace) {
  const Bytes halves = [] {
    Bytes bytes;
    Random random(1);
    for (int i = 0; i < 4000; ++i) {
      bytes.push_back(static_cast<std::byte>(random.below(256)));
      bytes.push_back(std::byte{0x3c});
    }
    return bytes;
  }();
  const Segment pairs{Kind::kBytes, 4000, 2}, bytes{Kind::kBytes, 8000, 1};

  EXPECT_EQ(read(payload_of(halves, pairs), pairs).value(), halves);
  EXPECT_LT(payload_of(halves, pairs).size(), 4150U);
  EXPECT_GT(payload_of(halves, bytes).size(), 5000U);
}

TEST(Range, IsWithinThreePercentOfTheEntropyOfSteps) {
  for (const std::size_t count : {3000U, 30000U, 300000U}) {
    for (const double spread : {0.4, 1.0, 3.0, 20.0}) {
      const Bytes steps = normal_steps(count, spread, 9);
      const auto bits = static_cast<double>(8 * payload_of(steps, {Kind::kSteps, count, 64}).size());
      // Learning costs about as much as 60 bytes of tables.
      EXPECT_LT(bits, 1.03 * entropy_of(steps) + 8 * 60) << count << ' ' << spread;
    }
  }
}

TEST(Range, NeedsNextToNothingForZeros) {
  const Segment segment{Kind::kSteps, 1000000, 1000};

  EXPECT_LE(payload_of(Bytes(1000000), segment).size(), 7U);
  EXPECT_LE(payload_of({}, segment).size(), 7U) << "left out";
  EXPECT_EQ(read(payload_of({}, segment), segment).value(), Bytes(1000000));
}

TEST(Range, CountsTheBytesOfEachLayer) {
  const std::vector<Bytes> layers = {normal_steps(500, 1, 1), {}, normal_steps(3000, 2, 2)};
  const std::vector<std::vector<Segment>> like = {
      {{Kind::kSteps, 500, 10}}, {{Kind::kSteps, 0, 1}}, {{Kind::kSteps, 3000, 10}}};
  const auto [payload, coded] = written(layers, like);
  const auto decoding = Range().decoding(payload);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(decoding->next(like[i]).value().coded, coded[i]) << i;
  }
  EXPECT_TRUE(decoding->finish());
  EXPECT_EQ(coded[0] + coded[1] + coded[2], payload.size());
  EXPECT_TRUE(written({}, {}).payload.empty()) << "no layers, no bytes";
}

TEST(Range, WritesTheSameBytesForEver) {
  Bytes steps(4000);
  Random random(2);
  for (std::byte& step : steps) {
    const auto size = static_cast<int>(random.below(4) * random.below(4) * random.below(3));
    step = static_cast<std::byte>(random.below(2) == 0 ? size : -size);
  }
  EXPECT_EQ(digest_of(payload_of(steps, {Kind::kSteps, 4000, 40})).hex().substr(0, 16), "STEPS");
  EXPECT_EQ(digest_of(payload_of(steps, {Kind::kNibbles, 8000, 80})).hex().substr(0, 16), "NIBBLES");
  EXPECT_EQ(digest_of(payload_of(steps, {Kind::kBytes, 1000, 4})).hex().substr(0, 16), "BYTES");
  EXPECT_EQ(to_hex(payload_of(from_hex("00ff0001000000"), {Kind::kSteps, 7, 7})), "HEX");
}

TEST(Range, IsRefusedWhenItIsDamaged) {
  const Segment segment{Kind::kSteps, 1000, 10};
  const Bytes steps = normal_steps(1000, 1, 4);
  const Bytes payload = payload_of(steps, segment);
  const auto refusal = [&](ByteView bytes) {
    const auto decoded = read(bytes, segment);
    return decoded ? "accepted" : std::string(decoded.error().what());
  };
  Bytes longer = payload;
  longer.push_back(std::byte{0});

  EXPECT_EQ(refusal(longer), "[range] bytes after the last layer");
  EXPECT_EQ(refusal({}), "[range] cut short, or of another coder");
  EXPECT_EQ(refusal(from_hex("02")), "[range] cut short, or of another coder");
  EXPECT_EQ(refusal(from_hex("01000001")), "[range] cut short, or of another coder");
  EXPECT_EQ(refusal(from_hex("01ffff0000")), "[range] cut short, or of another coder")
      << "a state that no encoder ends with";
  EXPECT_EQ(refusal(from_hex("00010203")), "[range] cut short");
  EXPECT_EQ(refusal(first(payload, payload.size() - 1)), "[range] cut short");
  std::size_t found = 0;
  for (std::size_t byte = 0; byte < payload.size(); ++byte) {
    found += refusal(flipped(payload, byte, 3)) == "accepted" ? 0 : 1;
  }
  EXPECT_GE(found, payload.size() - 2) << "the coder has to end where it began";
}

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(Payload, SurvivesAHundredThousandFlippedBitsWithinTheMemoryOfItsLayout) {
  const Blocks global = random_state(1), local = random_state(2);
  const Layout layout = layout_of(global);
  Random random(7);
  const long before = peak_kilobytes();
  for (const char* text : {"delta,rms_step:1.0,range", "delta,product_step:1.0,range",
                           "delta,int4:row,range", "delta,range", "delta,int8:row,zstd"}) {
    const Chain chain = Chain::parse(text);
    const Bytes payload = chain.encode(local, global).payload;
    for (int trial = 0; trial < 20000; ++trial) {
      Bytes damaged = payload;
      for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
        damaged[random.below(damaged.size())] ^= static_cast<std::byte>(1U << random.below(8));
      }
      damaged.resize(random.below(4) == 0 ? random.below(damaged.size()) : damaged.size());
      const auto decoded = chain.decode_delta(damaged, layout, global);
      ASSERT_TRUE(!decoded || all_finite(decoded->blocks)) << text;
    }
  }
  EXPECT_LT(peak_kilobytes() - before, 8 * 1024);
}

}  // namespace
}  // namespace lorae::codec
