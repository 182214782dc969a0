#include "tensors/threads.h"

#include <dlfcn.h>

#include <mutex>

#include "base/cpu.h"
#include "tensors/torch.h"

namespace lorae {
namespace {

/// OpenBLAS keeps threads of its own, which LibTorch does not know: every small product would be
/// handed to them under one lock, and our threads would spin on it.
void use_blas_threads(int count) {
  using SetThreads = void (*)(int);
  if (auto* symbol = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetThreads>(symbol)(count);
  }
}

}  // namespace

void use_one_thread() {
  static std::once_flag once;
  std::call_once(once, [] { use_blas_threads(1); });
  keep_to_this_thread();
}

void keep_to_this_thread() {
  at::set_num_threads(1);
}

void use_threads(std::int64_t count) {
  const auto threads = static_cast<int>(count > 0 ? count : core_count());
  use_blas_threads(threads);
  at::set_num_threads(threads);
}

}  // namespace lorae
