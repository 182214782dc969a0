#pragma once

#include <chrono>

namespace lorae {

/// Monotonic time. Protocol logic is handed the time and never asks for it, so tests and the
/// simulator choose it.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// Units: seconds.
inline double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace lorae
