#pragma once

#include <bit>
#include <memory>

#include "base/bytes.h"
#include "codec/coders/frequencies.h"
#include "codec/segment.h"

namespace lorae::codec {

/// What the range coder has learned of a payload so far.
class Models {
 public:
  static constexpr unsigned kContexts = 10;

  Models();

  Frequencies& empty() { return model(0, kFlag); }
  /// Of all contexts.
  std::array<Frequencies*, kContexts> steps() {
    std::array<Frequencies*, kContexts> steps{};
    for (unsigned context = 0; context < kContexts; ++context) {
      steps[context] = &model(1 + context, kStep);
    }
    return steps;
  }
  Frequencies& high(unsigned plane) { return model(1 + kContexts + plane, kNibble); }
  Frequencies& low(unsigned plane, unsigned high) {
    return model(1 + kContexts + kPlanes + kNibbles * plane + high, kNibble);
  }

  static constexpr unsigned kPlanes = 4;  ///< bytes of a number that have models of their own

 private:
  enum Kind { kFlag, kStep, kNibble };
  static constexpr unsigned kNibbles = 16;

  Frequencies& model(std::size_t index, Kind kind) {
    if (models_[index] == nullptr) {
      make(index, kind);
    }
    return *models_[index];
  }
  void make(std::size_t index, Kind kind);

  std::array<std::unique_ptr<Frequencies>, 1 + kContexts + kPlanes * (1 + kNibbles)> models_;
};

/// How steps become tokens: those to 7 in size have one each; beyond, half an octave shares one, and
/// bits say which it is.
struct StepToken {
  static constexpr int kDirect = 7;
  static constexpr unsigned kCount = 2 * kDirect + 1 + 9;

  std::uint8_t token = 0;
  std::uint8_t bits = 0;   ///< the sign, then what the token does not say of the size
  std::uint8_t width = 0;  ///< how many bits

  static StepToken of(std::int8_t step);

  /// How many bits follow a token.
  static unsigned width_of(unsigned token) {
    return token <= 2 * kDirect ? 0 : (token - 2 * kDirect - 1) / 2 + 3;
  }

  static std::int8_t step_of(unsigned token, unsigned bits) {
    if (token <= 2 * kDirect) {
      return static_cast<std::int8_t>(static_cast<int>(token) - kDirect);
    }
    const unsigned above = token - 2 * kDirect - 1;
    const unsigned width = above / 2 + 2;
    const unsigned size = (2U + above % 2) << width | (bits & ((1U << width) - 1));
    return static_cast<std::int8_t>(bits >> width != 0 ? 0U - size : size);
  }
};

}  // namespace lorae::codec
