#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "apps/lorae/train_commands.h"

namespace lorae::apps {

/// Pictures that lie in a folder and those that come into it, each once: when whoever writes it has
/// closed it or moved it there. A picture that is written again is given again. Names that begin
/// with a dot are left alone. Source: inotify(7). Threads: none.
class PictureWatch {
 public:
  /// Errors: kInvalidConfig if it is no folder; kUnavailable if the system watches no more.
  explicit PictureWatch(std::filesystem::path folder);
  ~PictureWatch();
  PictureWatch(const PictureWatch&) = delete;
  PictureWatch& operator=(const PictureWatch&) = delete;

  /// The next one, in the order in which they came; waits so long for it.
  /// Errors: kUnavailable if the folder is gone.
  std::optional<std::filesystem::path> next(std::chrono::milliseconds longest);

 private:
  void scan();
  void read_events();
  void add(const std::filesystem::path& path);

  std::filesystem::path folder_;
  int descriptor_;
  std::deque<std::filesystem::path> waiting_;
  std::set<std::filesystem::path> queued_;  // those that wait
  std::set<std::filesystem::path> known_;   // came, and lie there still
};

/// Predicts pictures as they come into asked.watch until SIGINT or SIGTERM, by the model of
/// `asked`, or by the newest of asked.adapter_from, changed between two pictures. Each line says
/// which adapter made it. A file that is no picture is logged and left.
void run_watch(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides);

}  // namespace lorae::apps
