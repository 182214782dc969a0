#include "tensors/threads.h"

#include <dlfcn.h>

#include <mutex>

#include "tensors/torch.h"

namespace lorae {
namespace {

/// OpenBLAS keeps threads of its own, which LibTorch does not know: every small product would be
/// handed to them under one lock, and our threads would spin on it.
void use_one_blas_thread() {
  using SetThreads = void (*)(int);
  if (auto* symbol = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetThreads>(symbol)(1);
  }
}

}  // namespace

void use_one_thread() {
  static std::once_flag once;
  std::call_once(once, use_one_blas_thread);
  keep_to_this_thread();
}

void keep_to_this_thread() {
  at::set_num_threads(1);
}

}  // namespace lorae
