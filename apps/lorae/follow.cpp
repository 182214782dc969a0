#include "apps/lorae/follow.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "client/kept_model.h"
#include "runs/run_directory.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

constexpr auto kLook = std::chrono::milliseconds(500);

/// Folders in `parent` that `is_one` takes, in the order of names.
template <typename IsOne>
std::vector<fs::path> folders(const fs::path& parent, IsOne is_one) {
  std::vector<fs::path> found;
  std::error_code status;
  for (fs::directory_iterator entry(parent, status), end; !status && entry != end;
       entry.increment(status)) {
    if (is_one(entry->path())) {
      found.push_back(entry->path());
    }
  }
  std::ranges::sort(found);
  return found;
}

/// Says whether a file is still the same one with the same content.
std::string look_of(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return {};
  }
  return str(file.string(), ' ', status.st_ino, ' ', status.st_size, ' ', status.st_mtim.tv_sec,
             '.', status.st_mtim.tv_nsec);
}

}  // namespace

fs::path newest_model(const fs::path& from) {
  const auto runs = folders(from / "runs", [](const fs::path& folder) {
    std::error_code status;
    return fs::exists(runs::RunDirectory::journal_of(folder), status);
  });
  if (!runs.empty()) {
    return runs.back();  // a run's name is when it began
  }
  const auto models = folders(from / "models", client::is_kept_model);
  check(models.size() <= 1, ErrorCode::kInvalidConfig, "[predict] --adapter-from: '", from.string(),
        "' keeps the models of several clients: give one of them, as '",
        models.empty() ? "" : models.front().string(), "'");
  return models.empty() ? from : models.front();
}

ModelFollower::ModelFollower(const UseArguments& asked,
                             std::function<void(ConfigReader&)> overrides,
                             fs::path from)
    : asked_(asked), overrides_(std::move(overrides)), from_(std::move(from)) {
  check(fs::is_directory(from_), ErrorCode::kInvalidConfig, "[predict] --adapter-from: '",
        from_.string(), "' is no folder");
  newest_model(from_);  // a mistake there is told at once
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

ModelFollower::~ModelFollower() = default;

ModelFollower::Ready ModelFollower::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ready_, nullptr);
}

ModelFollower::Ready ModelFollower::take(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [this] { return ready_ != nullptr; });
  return std::exchange(ready_, nullptr);
}

void ModelFollower::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    look();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kLook, [] { return false; });
  }
}

/// A model that cannot be loaded is told once: a run has no round yet, or a file was replaced while
/// it was read. The next look may find it whole.
void ModelFollower::look() {
  try {
    UseArguments asked = asked_;
    asked.run = newest_model(from_).string();
    const ModelFiles files = model_files(asked.run);
    const std::string seen = look_of(files.weights) + look_of(files.adapter);
    if (seen == seen_) {
      return;
    }
    const TimePoint start = Clock::now();
    auto ready = std::make_shared<const Trained>(load_trained(asked, "", overrides_));
    log_info("model.ready", "round=", ready->adapter_round,
             " adapter=", ready->adapter_digest.substr(0, 12),
             " seconds=", seconds(Clock::now() - start));
    seen_ = seen;
    problem_.clear();
    const std::lock_guard lock(mutex_);
    ready_ = std::move(ready);
    changed_.notify_all();
  } catch (const std::exception& error) {
    if (problem_ != error.what()) {
      problem_ = error.what();
      log_info("model.waiting", problem_);
    }
  }
}

}  // namespace lorae::apps
