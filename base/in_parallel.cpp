#include "base/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/cpu.h"

namespace lorae {

void in_parallel(std::int64_t n,
                 const std::function<void(std::int64_t)>& work,
                 const std::function<void()>& begin) {
  constexpr std::int64_t kMostThreads = 8;
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::int64_t failed = n;
  std::exception_ptr error;
  const auto run = [&] {
    if (begin) {
      begin();
    }
    for (std::int64_t i = next++; i < n; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failed = i;
          error = std::current_exception();
        }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.reserve(kMostThreads);
    for (std::int64_t i = std::min({core_count(), kMostThreads, n}); i > 0; --i) {
      try {
        threads.emplace_back(run);
      } catch (const std::system_error&) {  // no more can be had: these do all
        if (threads.empty()) {
          throw;
        }
        break;
      }
    }
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace lorae
