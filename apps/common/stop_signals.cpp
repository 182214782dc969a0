#include "apps/common/stop_signals.h"

#include <atomic>
#include <csignal>

namespace lorae::apps {
namespace {

std::atomic<bool> stop_asked = false;  // set by a signal

static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

StopSignals::StopSignals() {
  stop_asked = false;
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int number) {
      stop_asked = true;
      std::signal(number, SIG_DFL);
    });
  }
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool StopSignals::asked() {
  return stop_asked;
}

}  // namespace lorae::apps
