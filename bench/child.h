#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace lorae::bench {

struct Measured {
  double seconds = 1e30;
  double mebibytes = 0;  ///< peak, over what the process held before
};

/// Resident pages of this process at their most.
inline double peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// What `measure` returns, run in a process of its own, so that the peak is its own. Ends ours if
/// the child fails.
template <typename Measure>
Measured in_child(Measure&& measure) {
  int ends[2];
  if (pipe(ends) != 0) {
    std::perror("pipe");
    std::exit(1);
  }
  const pid_t child = fork();
  if (child == 0) {
    const Measured result = measure();
    _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
  }
  close(ends[1]);  // else a child that dies would leave us reading for ever
  Measured result;
  const bool got = read(ends[0], &result, sizeof result) == sizeof result;
  waitpid(child, nullptr, 0);
  close(ends[0]);
  if (!got) {
    std::fprintf(stderr, "a measuring process failed\n");
    std::exit(1);
  }
  return result;
}

}  // namespace lorae::bench
