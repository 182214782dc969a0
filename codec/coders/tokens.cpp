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

}  // namespace

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
