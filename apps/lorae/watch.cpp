#include "apps/lorae/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "apps/common/stop_signals.h"
#include "apps/lorae/follow.h"
#include "apps/lorae/predict.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "data/classes.h"
#include "data/picture.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr auto kTurn = std::chrono::milliseconds(200);  // then it looks whether it is to stop

/// What says which adapter made a prediction.
nlohmann::json adapter_of(const Trained& trained) {
  return {{"adapter",
           {{"file", trained.files.empty() ? "" : trained.files.back()},
            {"round", trained.adapter_round.value},
            {"digest", trained.adapter_digest}}}};
}

std::string note_of(const Trained& trained) {
  return trained.adapter_digest.empty() ? ""
                                        : str("by ", trained.adapter_digest.substr(0, 12),
                                              " of round ", trained.adapter_round);
}

/// The model that predicts now.
class Current {
 public:
  Current(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
    if (asked.adapter_from.empty()) {
      model_ = std::make_shared<const Trained>(load_trained(asked, "", overrides));
    } else {
      follower_.emplace(asked, overrides, asked.adapter_from);
    }
  }

  /// Changes to a newer one if there is one; without any yet, waits a while for the first.
  const Trained* renew() {
    if (!follower_) {
      return model_.get();
    }
    auto newer = model_ ? follower_->take() : follower_->take(kTurn);
    if (newer) {
      const TimePoint start = Clock::now();
      model_.swap(newer);
      newer.reset();
      log_info("model.changed", "round=", model_->adapter_round,
               " adapter=", model_->adapter_digest.substr(0, 12),
               " milliseconds=", 1000 * seconds(Clock::now() - start));
    }
    return model_.get();
  }

 private:
  ModelFollower::Ready model_;
  std::optional<ModelFollower> follower_;
};

}  // namespace

PictureWatch::PictureWatch(fs::path folder)
    : folder_(std::move(folder)), descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  check(fs::is_directory(folder_), ErrorCode::kInvalidConfig, "[predict] --watch: '",
        folder_.string(), "' is no folder");
  check(descriptor_ >= 0 && ::inotify_add_watch(descriptor_, folder_.c_str(), kEvents) >= 0,
        ErrorCode::kUnavailable, "[predict] cannot watch '", folder_.string(), "': ", errno_text());
  scan();
}

PictureWatch::~PictureWatch() {
  ::close(descriptor_);
}

void PictureWatch::add(const fs::path& path) {
  if (data::is_picture(path) && !path.filename().string().starts_with('.') &&
      queued_.insert(path).second) {
    known_.insert(path);
    waiting_.push_back(path);
  }
}

/// What lies there and was never given: at the start, and after the system lost events.
void PictureWatch::scan() {
  for (const fs::path& path : data::entries(folder_)) {
    if (!known_.contains(path) && fs::is_regular_file(path)) {
      add(path);
    }
  }
}

void PictureWatch::read_events() {
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::read(descriptor_, buffer.data(), buffer.size());
    if (size <= 0) {
      return;
    }
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event) + event.len;
      check((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) == 0,
            ErrorCode::kUnavailable, "[predict] the folder '", folder_.string(), "' is gone");
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        scan();
      } else if ((event.mask & (IN_MOVED_FROM | IN_DELETE)) != 0) {
        known_.erase(folder_ / name);
      } else if (event.len > 0) {
        add(folder_ / name);
      }
    }
  }
}

std::optional<fs::path> PictureWatch::next(std::chrono::milliseconds longest) {
  read_events();
  if (waiting_.empty()) {
    pollfd wait{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, static_cast<int>(longest.count())) > 0) {
      read_events();
    }
  }
  if (waiting_.empty()) {
    return std::nullopt;
  }
  fs::path path = std::move(waiting_.front());
  waiting_.pop_front();
  queued_.erase(path);
  return path;
}

void run_watch(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const StopSignals signals;
  PictureWatch pictures(asked.watch);
  Current current(asked, overrides);
  Sayer sayer(asked);
  std::int64_t said = 0;
  while (!StopSignals::asked()) {
    if (current.renew() == nullptr) {
      continue;  // pictures wait for the first model
    }
    const auto path = pictures.next(kTurn);
    if (!path) {
      continue;
    }
    const Trained& trained = *current.renew();
    try {
      sayer.say_of(trained, *path, adapter_of(trained), note_of(trained));
      std::fflush(stdout);  // whoever reads along is to see it now
      ++said;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kUnavailable) {
        throw;  // no room for what is to be saved
      }
      log_warning("picture.skipped", error.what());
    }
  }
  log_info("watch.end", "pictures=", said);
}

}  // namespace lorae::apps
