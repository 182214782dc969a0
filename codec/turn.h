#pragma once

#include <cstdint>

namespace lorae::codec {

/// What an encoding may depend on besides its values.
struct Turn {
  std::uint64_t round = 0;  ///< whose turn it is, for `segments`
  std::uint64_t seed = 0;   ///< of what a stochastic quantiser draws: of this client and round
};

}  // namespace lorae::codec
