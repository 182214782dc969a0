#include "base/process.h"

#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <string>

namespace lorae {

double peak_memory_mb() {
  // What getrusage says goes on over exec: a program that a large one starts would have its peak.
  constexpr std::string_view kKey = "VmHWM:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(kKey)) {
      const std::size_t digits = line.find_first_of("0123456789");
      double kilobytes = 0;
      if (digits != std::string::npos &&
          std::from_chars(line.data() + digits, line.data() + line.size(), kilobytes).ec ==
              std::errc()) {
        return kilobytes / 1024;
      }
    }
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace lorae
