#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lorae::transport {

/// A bounded queue into an I/O thread, with a descriptor that becomes readable when there is
/// something to do. Threads: `push` and `wake` from any, `take` from the I/O thread.
template <typename Item>
class Outbox {
 public:
  explicit Outbox(std::size_t max_bytes)
      : max_bytes_(max_bytes), descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    check(descriptor_ >= 0, ErrorCode::kUnavailable,
          "[transport] cannot create an eventfd: ", errno_text());
  }
  ~Outbox() { ::close(descriptor_); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  int descriptor() const noexcept { return descriptor_; }

  /// Returns false, and drops the item, if `bytes` more would exceed the limit.
  bool push(Item item, std::size_t bytes) {
    bytes += kOverheadBytes;
    {
      const std::lock_guard lock(mutex_);
      if (queued_bytes_ + bytes > max_bytes_) {
        return false;
      }
      queued_bytes_ += bytes;
      items_.push_back(std::move(item));
      if (items_.size() > 1) {
        return true;  // the first one has woken the thread
      }
    }
    wake();
    return true;
  }

  void wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the thread has been woken.
    [[maybe_unused]] const ssize_t written = ::write(descriptor_, &one, sizeof one);
  }

  /// Everything queued, oldest first; the descriptor is then quiet until the next push or wake.
  std::vector<Item> take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(descriptor_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    queued_bytes_ = 0;
    return std::exchange(items_, {});
  }

 private:
  static constexpr std::size_t kOverheadBytes = 256;  // so that empty frames are bounded too

  const std::size_t max_bytes_;
  const int descriptor_;
  std::mutex mutex_;  // guards what follows
  std::vector<Item> items_;
  std::size_t queued_bytes_ = 0;
};

}  // namespace lorae::transport
