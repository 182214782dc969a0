#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "apps/lorae/trained.h"

namespace lorae::apps {

/// Keeps an eye on where a federation leaves its models, and makes each newer one ready on a thread
/// of its own, so that whoever predicts only changes a pointer. If models come faster than they can
/// be made ready, those between are passed over.
class ModelFollower {
 public:
  using Ready = std::shared_ptr<const Trained>;

  /// `from`: the home of a coordinator (its newest run) or of a client (its only model), or a
  /// folder as model_files takes. Nothing may be there yet. `asked` and `overrides`: as
  /// load_trained.
  ModelFollower(const UseArguments& asked,
                std::function<void(ConfigReader&)> overrides,
                std::filesystem::path from);
  /// Waits for the model in hand.
  ~ModelFollower();
  ModelFollower(const ModelFollower&) = delete;
  ModelFollower& operator=(const ModelFollower&) = delete;

  /// The newest model that is ready, if it was not taken before; else none. Never waits.
  Ready take();
  /// Likewise, but waits so long for one.
  Ready take(std::chrono::milliseconds longest);

 private:
  void loop(const std::stop_token& stop);
  void look();

  UseArguments asked_;
  std::function<void(ConfigReader&)> overrides_;
  std::filesystem::path from_;
  std::string seen_;     // what the newest model's files looked like; the loop's own
  std::string problem_;  // that was told; likewise

  std::mutex mutex_;
  std::condition_variable_any changed_;
  Ready ready_;          // guarded by mutex_
  std::jthread thread_;  // last: its destructor stops and joins it
};

/// Where in `from` the newest model lies: the newest run of a coordinator's home, the only model of
/// a client's, or `from` itself. Errors: kInvalidConfig if a client's home has several.
std::filesystem::path newest_model(const std::filesystem::path& from);

}  // namespace lorae::apps
