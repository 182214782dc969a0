#pragma once

#include <pthread.h>

#include <csignal>
#include <future>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace lorae::transport {

/// A thread whose end is awaited for a bounded time, because it may hang inside libzmq.
/// It takes no signals: those are for the threads that expect them.
/// Threads: one owner.
class IoThread {
 public:
  /// `body` must keep alive what it uses: it may outlive this object. An exception terminates.
  template <typename Body>
  void start(Body body) {
    std::promise<void> done;
    done_ = done.get_future();
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits it
    thread_ = std::thread([body = std::move(body), done = std::move(done)]() mutable noexcept {
      body();
      done.set_value();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  bool started() const noexcept { return done_.valid(); }

  /// Returns true if the body has ended. If it still runs after `patience`, it is left behind.
  bool join_within(Duration patience) {
    const bool ended = started() && done_.wait_for(patience) == std::future_status::ready;
    if (thread_.joinable()) {
      ended ? thread_.join() : thread_.detach();
    }
    return ended;
  }

 private:
  std::thread thread_;
  std::future<void> done_;
};

}  // namespace lorae::transport
