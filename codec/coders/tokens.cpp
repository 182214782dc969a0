#include "codec/coders/tokens.h"

namespace lorae::codec {
namespace {

/// Steps are drawn to 0; how far from it, the context tells.
std::array<std::uint16_t, StepToken::kCount> first_steps() {
  std::array<std::uint16_t, StepToken::kCount> counts{};
  counts.fill(1);
  for (unsigned distance = 0; distance <= StepToken::kDirect; ++distance) {
    const auto count = static_cast<std::uint16_t>((32U >> distance) + 1);
    counts[StepToken::kDirect - distance] = count;
    counts[StepToken::kDirect + distance] = count;
  }
  return counts;
}

StepToken token_of(int step) {
  const auto size = static_cast<unsigned>(step < 0 ? -step : step);
  if (size <= StepToken::kDirect) {
    return {static_cast<std::uint8_t>(step + StepToken::kDirect)};
  }
  const auto log = static_cast<unsigned>(std::bit_width(size)) - 1;  // 3 to 7
  const unsigned width = log - 1;
  const unsigned half = size >> width & 1U;
  const unsigned rest = size & ((1U << width) - 1);
  return {static_cast<std::uint8_t>(2 * StepToken::kDirect + 1 + 2 * (log - 3) + half),
          static_cast<std::uint8_t>((step < 0 ? 1U << width : 0U) | rest),
          static_cast<std::uint8_t>(width + 1)};
}

}  // namespace

StepToken StepToken::of(std::int8_t step) {
  static const std::array<StepToken, 256> all = [] {
    std::array<StepToken, 256> tokens;
    for (int one = -128; one < 128; ++one) {
      tokens[static_cast<std::uint8_t>(one)] = token_of(one);
    }
    return tokens;
  }();
  return all[static_cast<std::uint8_t>(step)];
}

Models::Models() = default;

void Models::make(std::size_t index, Kind kind) {
  static constexpr std::array<std::uint16_t, 2> kFlags = {4, 4};
  static constexpr auto kNibbleCounts = [] {
    std::array<std::uint16_t, kNibbles> counts{};
    counts.fill(2);
    return counts;
  }();
  static const auto kSteps = first_steps();
  switch (kind) {
    case kFlag:
      models_[index] = std::make_unique<Frequencies>(kFlags);
      break;
    case kStep:
      models_[index] = std::make_unique<Frequencies>(kSteps);
      break;
    case kNibble:
      models_[index] = std::make_unique<Frequencies>(kNibbleCounts);
      break;
  }
}

}  // namespace lorae::codec
