#pragma once

#include <cstdint>
#include <random>

namespace lorae::apps {

/// 64 bits from the system, to tell one start of a program from another; never part of a result.
inline std::uint64_t random_number() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32U | device();
}

}  // namespace lorae::apps
