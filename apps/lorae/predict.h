#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "apps/lorae/trained.h"

namespace lorae::apps {

/// What a model says of one picture.
struct Said {
  nlohmann::json line = {};  ///< of `--json`, without what every line has
  std::string text = {};
  at::Tensor drawn = {};  ///< the picture with it drawn in, if that was asked for
};

/// Says what pictures show, one after the other: a line each, as text or JSON, and, if asked, the
/// picture with it drawn in. Threads: none.
class Sayer {
 public:
  explicit Sayer(const UseArguments& asked) : asked_(asked) {}

  /// `more`: keys that the JSON of this picture has beside, and `note` their text.
  /// Errors: kCorruptData for a file that is no picture; kUnavailable if the drawn one cannot be
  /// written.
  void say_of(const Trained& trained,
              const std::filesystem::path& path,
              const nlohmann::json& more = nlohmann::json::object(),
              const std::string& note = {});

 private:
  /// A name in the folder for drawn pictures that none before it was given.
  std::filesystem::path place_of(const std::filesystem::path& path);

  const UseArguments& asked_;
  std::set<std::filesystem::path> given_;
};

}  // namespace lorae::apps
