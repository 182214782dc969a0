#include "aggregation/sum_loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "aggregation/fixed_point.h"
#include "base/cpu.h"
#include "base/seed.h"

namespace lorae::aggregation {
namespace {

struct Variant {
  Cpu cpu;
  const SumLoops* loops;
};

/// Those that this processor can run.
std::vector<Variant> variants() {
  std::vector<Variant> all{{Cpu::kAny, &kGenericSum}};
#if defined(__x86_64__)
  if (best_cpu() >= Cpu::kAvx2) {
    all.push_back({Cpu::kAvx2, &kAvx2Sum});
  }
  if (best_cpu() >= Cpu::kAvx512) {
    all.push_back({Cpu::kAvx512, &kAvx512Sum});
  }
#endif
  return all;
}

/// Any bits but those of a number above `limit`.
std::vector<float> any_floats(std::size_t count, std::uint32_t limit, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values;
  while (values.size() < count) {
    const std::uint32_t bits = random.next_u32();
    if ((bits & 0x7fffffffU) <= limit) {
      values.push_back(std::bit_cast<float>(bits));
    }
  }
  return values;
}

struct TwoPlanes {
  std::vector<std::uint64_t> high, low;

  explicit TwoPlanes(std::size_t count, std::uint64_t start = 0)
      : high(count, start), low(count, start) {}
  void add(const SumLoops& loops, const std::vector<float>& values, double scale) {
    const Term term{values.data(), scale};
    loops.add(high.data(), low.data(), &term, 1, 0, values.size());
  }
  bool operator==(const TwoPlanes&) const = default;
};

constexpr std::uint64_t kWeights[] = {1,         3, 1000, 999983, (1U << 29) + 1, kMaxWeight - 1,
                                      kMaxWeight};

/// The definition in fixed_point.h, by the C library.
void expect_split(float value, std::uint64_t weight, std::uint64_t high, std::uint64_t low) {
  const double x = static_cast<double>(value) * scale_of(weight);
  const double upper = std::nearbyint(x * 0x1p-50);
  const double lower = std::nearbyint(x - upper * 0x1p50);
  ASSERT_EQ(static_cast<std::int64_t>(high), static_cast<std::int64_t>(upper)) << value;
  ASSERT_EQ(static_cast<std::int64_t>(low), static_cast<std::int64_t>(lower)) << value;
  ASSERT_LE(std::abs(upper), 0x1p49);
  ASSERT_LE(std::abs(lower), 0x1p49);
}

TEST(SumLoops, SplitAProductAsDefined) {
  for (const auto& [cpu, loops] : variants()) {
    for (const std::uint64_t weight : kWeights) {
      SCOPED_TRACE(std::string(name_of(cpu)) + ", weight " + std::to_string(weight));
      const std::uint32_t limit = limit_of(weight);
      std::vector<float> values = any_floats(5003, limit, weight);
      for (const std::uint32_t bits : {0U, 1U, limit, limit - 1, 0x00800000U, 0x007fffffU}) {
        values.push_back(std::bit_cast<float>(bits));
        values.push_back(-std::bit_cast<float>(bits));
      }
      TwoPlanes planes(values.size());
      planes.add(*loops, values, scale_of(weight));
      for (std::size_t i = 0; i < values.size(); ++i) {
        expect_split(values[i], weight, planes.high[i], planes.low[i]);
      }
    }
  }
}

TEST(SumLoops, RoundHalvesToEven) {
  // Quanta of 2^-70 and of 2^-20, the unit of the high plane.
  const std::vector<float> values{0x1p-71F,    0x1.8p-70F, 0x1.4p-69F, -0x1p-71F,
                                  -0x1.8p-70F, 0x1p-21F,   0x1.8p-20F, -0x1.8p-20F};
  for (const auto& [cpu, loops] : variants()) {
    TwoPlanes planes(values.size());
    planes.add(*loops, values, scale_of(1));
    const auto minus = [](std::uint64_t value) { return std::uint64_t{0} - value; };
    const std::uint64_t half = std::uint64_t{1} << 49;
    EXPECT_EQ(planes.high, (std::vector<std::uint64_t>{0, 0, 0, 0, 0, 0, 2, minus(2)}));
    EXPECT_EQ(planes.low,
              (std::vector<std::uint64_t>{0, 2, 2, 0, minus(2), half, minus(half), half}));
  }
}

TEST(SumLoops, AreTheSameBitForBit) {
  for (std::size_t count = 0; count < 100; ++count) {
    for (const std::uint64_t weight : kWeights) {
      const std::vector<float> values = any_floats(count, limit_of(weight), count);
      TwoPlanes expected(count, 5);
      expected.add(kGenericSum, values, scale_of(weight));
      for (const auto& [cpu, loops] : variants()) {
        TwoPlanes planes(count, 5);
        planes.add(*loops, values, scale_of(weight));
        ASSERT_EQ(planes, expected) << name_of(cpu) << ", " << count << " numbers";
        ASSERT_EQ(loops->largest(values.data(), count), kGenericSum.largest(values.data(), count));
      }
    }
  }
}

TEST(SumLoops, AddManyTermsAsOneByOne) {
  constexpr std::size_t kFirst = 3, kCount = 37, kSize = 50;
  for (std::size_t term_count = 0; term_count < 14; ++term_count) {
    std::vector<std::vector<float>> values;
    std::vector<Term> terms;
    TwoPlanes expected(kSize, 5);
    for (std::size_t k = 0; k < term_count; ++k) {
      const std::uint64_t weight = kWeights[k % std::size(kWeights)];
      values.push_back(any_floats(kSize, limit_of(weight), k + 1));
      std::vector<float> inside(kSize);
      std::copy_n(values[k].begin() + kFirst, kCount, inside.begin() + kFirst);
      expected.add(kGenericSum, inside, scale_of(weight));
      terms.push_back({values[k].data(), scale_of(weight)});
    }
    for (const auto& [cpu, loops] : variants()) {
      TwoPlanes planes(kSize, 5);
      loops->add(planes.high.data(), planes.low.data(), terms.data(), terms.size(), kFirst, kCount);
      ASSERT_EQ(planes, expected) << name_of(cpu) << ", " << term_count << " terms";
    }
  }
}

TEST(SumLoops, TakeOutWhatTheyAdded) {
  for (const auto& [cpu, loops] : variants()) {
    for (const std::uint64_t weight : kWeights) {
      const std::vector<float> values = any_floats(1001, limit_of(weight), weight);
      TwoPlanes planes(values.size(), 7);
      planes.add(*loops, values, scale_of(weight));
      planes.add(*loops, values, -scale_of(weight));
      EXPECT_EQ(planes, TwoPlanes(values.size(), 7)) << name_of(cpu);
    }
  }
}

TEST(SumLoops, MergeModulo64Bits) {
  for (const auto& [cpu, loops] : variants()) {
    std::vector<std::uint64_t> to(37, 3);
    const std::vector<std::uint64_t> from(37, ~std::uint64_t{0});
    loops->merge(to.data(), from.data(), to.size());
    EXPECT_EQ(to, std::vector<std::uint64_t>(37, 2)) << name_of(cpu);
  }
}

TEST(SumLoops, FindTheLargestSizeAtEachPlace) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const auto& [cpu, loops] : variants()) {
    for (std::size_t place = 0; place < 70; ++place) {
      std::vector<float> values(70, -0.5F);
      for (const float value : {1.0F, -2.0F, kInf, -kInf, kNan, -kNan}) {
        values[place] = value;
        ASSERT_EQ(loops->largest(values.data(), values.size()),
                  std::bit_cast<std::uint32_t>(value) & 0x7fffffffU);
      }
    }
    EXPECT_EQ(loops->largest(nullptr, 0), 0U);
  }
}

TEST(SumLoops, AreChosenByTheProcessor) {
  EXPECT_EQ(&sum_loops(), variants().at(static_cast<std::size_t>(chosen_cpu())).loops);
}

TEST(FixedPoint, ConstantsAreWhatTheySay) {
  EXPECT_EQ(kRoundHigh, std::ldexp(1.5, 52 + kLowBits));
  EXPECT_EQ(kRoundLow, std::ldexp(1.5, 52));
  EXPECT_EQ(kRoundHighBits, std::bit_cast<std::uint64_t>(kRoundHigh));
  EXPECT_EQ(kRoundLowBits, std::bit_cast<std::uint64_t>(kRoundLow));
  EXPECT_EQ(scale_of(1), std::ldexp(1.0, kFractionBits));
  const std::uint64_t most = std::uint64_t{1} << (kFractionBits + kRangeBits - kLowBits);
  EXPECT_EQ(most, std::uint64_t{1} << (kLowBits - 1)) << "both planes have the same room";
  EXPECT_LE(kMaxContributions * most, static_cast<std::uint64_t>(INT64_MAX));
}

TEST(FixedPoint, TheLimitIsTheLargestFloatWithinTheRange) {
  Random random(1);
  std::vector<std::uint64_t> weights(std::begin(kWeights), std::end(kWeights));
  for (int i = 0; i < 1000; ++i) {
    weights.push_back(1 + ((random.next_u64() & (kMaxWeight - 1)) >> random.below(40)));
  }
  for (const std::uint64_t weight : weights) {
    const auto product = [&](std::uint32_t bits) {
      return static_cast<double>(std::bit_cast<float>(bits)) * static_cast<double>(weight);
    };
    const std::uint32_t limit = limit_of(weight);
    EXPECT_LT(product(limit), 0x1p29) << weight;
    EXPECT_GE(product(limit + 1), 0x1p29) << weight;
  }
}

}  // namespace
}  // namespace lorae::aggregation
