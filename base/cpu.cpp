#include "base/cpu.h"

#include <thread>

#include <algorithm>

#include <array>
#include <cstdlib>

#include "base/error.h"

namespace lorae {
namespace {

constexpr std::array kAll = {Cpu::kAny, Cpu::kAvx2, Cpu::kAvx512};

}  // namespace

std::string_view name_of(Cpu cpu) {
  switch (cpu) {
    case Cpu::kAvx512:
      return "avx512";
    case Cpu::kAvx2:
      return "avx2";
    default:
      return "any";
  }
}

Cpu best_cpu() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return __builtin_cpu_supports("avx512f") ? Cpu::kAvx512 : Cpu::kAvx2;
  }
#endif
  return Cpu::kAny;
}

Cpu cpu_named(std::string_view wanted, Cpu best) {
  if (wanted.empty()) {
    return best;
  }
  for (const Cpu cpu : kAll) {
    if (name_of(cpu) == wanted) {
      check(cpu <= best, ErrorCode::kInvalidConfig, "LORAE_CPU=", wanted,
            ": this processor has at most ", name_of(best));
      return cpu;
    }
  }
  fail(ErrorCode::kInvalidConfig, "LORAE_CPU: expected any, avx2 or avx512, got '", wanted, "'");
}

Cpu chosen_cpu() {
  static const Cpu cpu = [] {
    const char* wanted = std::getenv("LORAE_CPU");
    return cpu_named(wanted == nullptr ? "" : wanted, best_cpu());
  }();
  return cpu;
}

std::int64_t core_count() {
  return std::max<std::int64_t>(1, std::thread::hardware_concurrency());
}

}  // namespace lorae
