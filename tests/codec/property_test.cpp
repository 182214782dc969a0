// Every chain, every size, every kind of number.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/base/support.h"
#include "tests/codec/blocks.h"

namespace lorae::codec {
namespace {

constexpr float kMost = std::numeric_limits<float>::max();

using Fill = float (*)(Random&);

struct Kind {
  const char* name;
  Fill fill;
};

constexpr Kind kKinds[] = {
    {"normal", [](Random& random) { return static_cast<float>(0.01 * random.normal()); }},
    {"zero", [](Random&) { return 0.0F; }},
    {"constant", [](Random&) { return -0.37F; }},
    {"denormal", [](Random& random) { return random.uniform() * 1e-39F; }},
    {"smallest", [](Random&) { return std::numeric_limits<float>::denorm_min(); }},
    {"huge", [](Random& random) { return (random.uniform() - 0.5F) * kMost; }},
    {"largest", [](Random& random) { return random.below(2) == 0 ? kMost / 2 : -kMost / 2; }},
    {"outliers",
     [](Random& random) { return random.below(1000) == 0 ? 5000.0F : random.uniform(); }},
    {"all magnitudes",
     [](Random& random) {
       const auto exponent = static_cast<int>(random.below(240)) - 140;
       return std::ldexp(random.uniform() - 0.5F, exponent);
     }},
};

/// A pair of about `size` values, a head and an empty tensor; the change is of that kind.
struct States {
  Blocks global, local;

  States(std::size_t size, Fill fill) {
    const auto rank = static_cast<std::int64_t>(size < 64 ? 1 : 8);
    const auto half = static_cast<std::int64_t>(size) / 2 / rank;
    global = {random_block("c.extractor", {rank, half}, 0, 1, 0.1F),
              random_block("c.mapper", {half, rank, 1, 1}, 1, 2, 0.1F),
              random_block("d.none", {0, 3}, 0, 3),
              random_block("fc.weight", {static_cast<std::int64_t>(size % 17)}, -1, 4)};
    local = global;
    Random random(size);
    for (std::size_t i = 0; i < local.size(); ++i) {
      for (std::size_t j = 0; j < local[i].values.size(); ++j) {
        const float change = fill(random);
        // A change that float32 cannot add to the global value is one of zero.
        global[i].values[j] = std::fabs(change) < 1e-30F || std::fabs(change) > 1e30F
                                  ? 0.0F
                                  : global[i].values[j];
        local[i].values[j] = global[i].values[j] + change;
      }
    }
  }
};

/// Which chains may refuse this: halves end at 65504.
bool may_refuse(const std::string& chain) {
  return chain.find("float16") != std::string::npos &&
         chain.find("bfloat16") == std::string::npos;
}

void expect_bounded(const ChainCase& one, const States& states, const std::string& what) {
  const Chain chain = Chain::parse(one.text);
  const Turn turn{.round = 1, .seed = 5};
  Encoded encoded;
  try {
    encoded = chain.encode(states.local, states.global, turn);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << what;
    EXPECT_TRUE(may_refuse(one.text)) << what << ": " << error.what();
    return;
  }
  ASSERT_EQ(encoded.payload, chain.encode(states.local, states.global, turn).payload) << what;
  const auto decoded = decode_delta(chain, encoded.payload, states.global);
  ASSERT_TRUE(decoded) << what << ": " << decoded.error().what();
  ASSERT_TRUE(all_finite(*decoded)) << what;
  const Blocks sent = chain.delta() ? subtract(states.local, states.global) : states.local;
  const Blocks delta = subtract(states.local, states.global);
  std::size_t raw = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    double largest = 0;
    for (const float value : sent[i].values) {
      largest = std::max(largest, std::fabs(static_cast<double>(value)));
    }
    raw += sizeof(float) * sent[i].values.size();
    // Where steps end: 127 smallest normal numbers, or half the smallest half.
    const double end = may_refuse(one.text) ? std::ldexp(1.0, -25) : 2e-36;
    const double bound = largest * one.bound * 1.01 + (one.bound > 0 ? end : 0.0);
    for (std::size_t j = 0; j < sent[i].values.size(); ++j) {
      const double error = static_cast<double>(delta[i].values[j]) -
                           static_cast<double>(decoded->at(i).values[j]);
      ASSERT_LE(std::fabs(error), bound) << what << ", " << sent[i].name << ' ' << j;
    }
  }
  if (one.text.ends_with("range") && one.text.find(":row") == std::string::npos) {
    EXPECT_LE(encoded.payload.size(), raw + 16) << what;
  }
}

TEST(EveryChain, IsBoundedOnEveryKindOfNumber) {
  for (const ChainCase& one : chain_cases()) {
    for (const Kind& kind : kKinds) {
      for (const std::size_t size : {0U, 1U, 2U, 3U, 17U, 100U, 1000U, 20011U}) {
        expect_bounded(one, States(size, kind.fill), str(one.text, ", ", kind.name, ", ", size));
        if (HasFatalFailure()) {
          return;
        }
      }
    }
  }
}

TEST(EveryChain, IsBoundedOnAMillionNumbers) {
  const States states(1000000, kKinds[0].fill);
  for (const ChainCase& one : chain_cases()) {
    expect_bounded(one, states, one.text);
  }
}

TEST(EveryChain, RefusesNanAndInfinity) {
  for (const std::string& text : all_chains()) {
    for (const float value : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
      States states(1000, kKinds[0].fill);
      states.local[1].values[77] = value;
      const auto call = [&] { Chain::parse(text).encode(states.local, states.global); };
      EXPECT_EQ(error_of(call).second.find("[codec] a value to send is not finite"), 0U) << text;
    }
  }
}

}  // namespace
}  // namespace lorae::codec
