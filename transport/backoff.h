#pragma once

#include <algorithm>
#include <chrono>

#include "base/seed.h"

namespace lorae::transport {

/// Waits between attempts: doubling from `low` to `cap`, each one drawn from its upper half so
/// that clients that failed together do not come back together.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds low, Milliseconds cap, Random random)
      : low_(std::max(low, Milliseconds(1))), cap_(std::max(cap, low_)), random_(random) {}

  /// How long to wait before the next attempt.
  Milliseconds next() {
    const Milliseconds wait = std::min(next_.count() == 0 ? low_ : next_, cap_);
    next_ = std::min(wait * 2, cap_);
    const auto half = static_cast<std::uint64_t>(wait.count()) / 2;
    return wait - Milliseconds(static_cast<std::int64_t>(random_.below(half + 1)));
  }

  /// An attempt succeeded: start again from `low`.
  void reset() { next_ = Milliseconds(0); }

 private:
  Milliseconds low_;
  Milliseconds cap_;
  Milliseconds next_{0};
  Random random_;
};

}  // namespace lorae::transport
