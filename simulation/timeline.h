#pragma once

#include "base/clock.h"

namespace lorae::simulation {

/// The time that a simulation's coordinator and clients live in. It is not the wall clock: nobody
/// is late because this machine is slow, and no result depends on how fast it is. It stands still:
/// today all virtual clients train and send in no time.
class Timeline {
 public:
  TimePoint now() const { return now_; }

 private:
  TimePoint now_{};
};

}  // namespace lorae::simulation
