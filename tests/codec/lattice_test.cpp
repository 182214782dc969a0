#include "codec/lattice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/seed.h"
#include "codec/values.h"
#include "tests/base/support.h"

namespace lorae::codec {
namespace {

Blocks random_blocks(std::uint64_t seed, double size) {
  Random random = Seed{seed}.random();
  Blocks blocks{{{"conv.extractor", {8, 3, 3, 3}, 0}, {}},
                {{"conv.mapper", {16, 8, 1, 1}, 1}, {}},
                {{"fc.bias", {1}, -1}, {}},
                {{"fc.weight", {10, 16}, 0}, {}},
                {{"none.weight", {0, 4}, 0}, {}}};
  for (Block& block : blocks) {
    block.values.resize(block.numel());
    for (float& value : block.values) {
      value = static_cast<float>(size * random.normal());
    }
  }
  return blocks;
}

Blocks zeros_like(Blocks blocks) {
  for (Block& block : blocks) {
    std::ranges::fill(block.values, 0.0F);
  }
  return blocks;
}

void expect_exact(const Blocks& from, const Blocks& to) {
  const Encoded encoded = encode_difference(from, to);
  const auto difference = decode_difference(encoded.payload, layout_of(from));
  ASSERT_TRUE(difference.ok()) << difference.error().what();
  EXPECT_EQ(sum(from, *difference), to);
  std::int64_t coded = 0;
  for (const StageBytes& layer : encoded.stages) {
    coded += layer.after(kStageCoded);
  }
  EXPECT_EQ(coded, std::ssize(encoded.payload));
}

/// Any walk of states: each one is reached exactly from each one before it.
TEST(Lattice, DifferencesOfItsStatesAreExact) {
  for (const double moves : {1e-6, 0.01, 1.0, 100.0}) {
    const Blocks start = on_grid(random_blocks(1, 0.5));
    const Lattice lattice(start, 1.0);
    std::vector<Blocks> states{start};
    for (std::uint64_t i = 0; i < 8; ++i) {
      // Steps that grow and shrink, as learning rates do.
      const Blocks wanted =
          sum(states.back(), random_blocks(10 + i, moves * std::pow(0.3, static_cast<double>(i))));
      states.push_back(lattice.next(states.back(), wanted));
    }
    for (std::size_t i = 0; i < states.size(); ++i) {
      for (std::size_t j = i; j < states.size(); ++j) {
        expect_exact(states[i], states[j]);
      }
    }
  }
}

TEST(Lattice, RoundsByHalfAStepAtMost) {
  const Blocks start = on_grid(random_blocks(1, 0.5));
  const Blocks wanted = sum(start, random_blocks(2, 0.01));
  const Blocks next = Lattice(start, 1.0).next(start, wanted);
  const Blocks left = subtract(wanted, next);
  const double step = std::exp2(std::round(std::log2(0.01)));
  for (const float value : left[0].values) {
    EXPECT_LE(std::fabs(value), 0.75 * step);  // the rms of 216 draws is 0.01 +- 5 %
  }
  EXPECT_NE(next, start);
}

TEST(Lattice, ZerosStartOnAGridAndMoveToo) {
  const Blocks start = on_grid(zeros_like(random_blocks(1, 1)));
  const Lattice lattice(start, 1.0);
  const Blocks next = lattice.next(start, random_blocks(2, 0.001));
  EXPECT_NE(next, start);
  expect_exact(start, next);
}

TEST(Lattice, IsFinerWhereThatIsAskedFor) {
  const Blocks start = on_grid(random_blocks(1, 0.5));
  const Blocks wanted = sum(start, random_blocks(2, 0.01));
  const Blocks left = subtract(wanted, Lattice(start, 1.0).next(start, wanted, 16));
  const double step = std::exp2(std::round(std::log2(0.01 / 16)));
  for (const float value : left[0].values) {
    EXPECT_LE(std::fabs(value), 0.75 * step);
  }
}

/// A bias of a new head starts near 0, and may be needed at 30.
TEST(Lattice, VectorsMayGoFarFromWhereTheyStart) {
  const Blocks start = on_grid({Block{{"fc.bias", {3}, -1}, {0.01F, 0.0F, -0.02F}}});
  const Blocks wanted{Block{{"fc.bias", {3}, -1}, {-30.0F, 31.0F, 0.5F}}};
  const Blocks next = Lattice(start, 1.0).next(start, wanted, 64);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(next[0].values[i], wanted[0].values[i], 0.25);
  }
  expect_exact(start, next);
}

TEST(Lattice, StaysWhereWhatIsWantedIsNoNumber) {
  const Blocks start = on_grid(random_blocks(1, 0.5));
  Blocks wanted = start;
  wanted[0].values[0] = std::nanf("");
  wanted[0].values[1] = INFINITY;
  const Lattice lattice(start, 1.0);
  const Blocks next = lattice.next(start, wanted);
  EXPECT_EQ(next[0].values[0], start[0].values[0]);
  EXPECT_EQ(next[0].values[1], start[0].values[1]);
  EXPECT_TRUE(all_finite(next));
  EXPECT_TRUE(all_finite(lattice.left(wanted, next)));
  expect_exact(start, next);
}

/// One number that wants to go further than the grid reaches stops at its end, and the others of
/// its tensor arrive as if it were not there.
TEST(Lattice, OneNumberThatIsTooFarDoesNotSpoilTheOthers) {
  for (const float far : {2.6F, 40.0F, 1e30F}) {  // zeros reach to 2
    const Blocks start{Block{{"conv.mapper", {1024, 1, 1, 1}, 1}, std::vector<float>(1024, 0.0F)}};
    const Lattice lattice(start, 1.0);
    Blocks goal = start;
    Random random = Seed{1}.random();
    for (float& value : goal[0].values) {
      value = static_cast<float>(0.01 * random.normal());
    }
    goal[0].values[0] = far;
    Blocks state = start, left = start;
    for (int round = 0; round < 60; ++round) {
      Blocks wanted = sum(state, left);
      for (std::size_t i = 0; i < wanted[0].values.size(); ++i) {
        wanted[0].values[i] += 0.3F * (goal[0].values[i] - state[0].values[i]);
      }
      const Blocks next = lattice.next(state, wanted);
      expect_exact(state, next);
      left = lattice.left(wanted, next);
      state = next;
    }
    EXPECT_GT(state[0].values[0], 1.5F) << far;
    EXPECT_LE(state[0].values[0], 2.0F) << far;
    for (std::size_t i = 1; i < 1024; ++i) {
      ASSERT_NEAR(state[0].values[i], goal[0].values[i], 1e-3) << i << ", beside " << far;
    }
  }
}

TEST(Lattice, AGridIsFineBesideTheLargestValue) {
  const Blocks raw = random_blocks(3, 2.0);
  const Blocks gridded = on_grid(raw);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    float largest = 0;
    for (const float value : raw[i].values) {
      largest = std::max(largest, std::fabs(value));
    }
    for (std::size_t j = 0; j < raw[i].values.size(); ++j) {
      EXPECT_LE(std::fabs(gridded[i].values[j] - raw[i].values[j]), largest * std::exp2(-20));
    }
  }
}

TEST(Lattice, AStartHasNoNegativeZeros) {
  const Blocks start = on_grid({Block{{"w", {3}, -1}, {-1e-9F, -0.0F, 1.0F}}});
  const Bytes nothing = encode_difference(start, start).payload;
  const Blocks same = sum(start, decode_difference(nothing, layout_of(start)).value());
  EXPECT_EQ(digest_of(same), digest_of(start));
  EXPECT_FALSE(std::signbit(start[0].values[0]));
  EXPECT_FALSE(std::signbit(start[0].values[1]));
}

TEST(Lattice, RefusesWhatIsNotOnOne) {
  Blocks wild = random_blocks(1, 1);
  wild[0].values[0] = 1e10F;
  const auto [code, text] = error_of([&] { encode_difference(zeros_like(wild), wild); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_NE(text.find("no multiples of one step"), std::string::npos) << text;
}

/// A difference from a stranger ends with an error or with finite numbers.
TEST(Lattice, ReadsNoBrokenBytes) {
  const Blocks start = on_grid(random_blocks(1, 0.5));
  const Lattice lattice(start, 1.0);
  const Blocks next = lattice.next(start, sum(start, random_blocks(2, 0.01)));
  const Bytes good = encode_difference(start, next).payload;
  const Layout layout = layout_of(start);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_difference(ByteView(good).first(size), layout)) << size;
  }
  constexpr int kFlips = 20000;
  Random random = Seed{9}.random();
  int refused = 0;
  for (int i = 0; i < kFlips; ++i) {
    Bytes bad = good;
    bad[random.below(bad.size())] ^= static_cast<std::byte>(1U << random.below(8));
    const auto read = decode_difference(bad, layout);
    refused += read ? 0 : 1;
    if (read) {
      EXPECT_TRUE(all_finite(*read));
    }
  }
  EXPECT_GE(refused, kFlips * 95 / 100) << "heads say another step, or the coder ends elsewhere";
}

}  // namespace
}  // namespace lorae::codec
