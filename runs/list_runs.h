#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"

namespace lorae::runs {

/// What a look into the folder of a run found. What could not be read has its default value.
struct FoundRun {
  std::filesystem::path path;
  std::string config_text;
  RoundId last_committed;
  bool finished = false;
  std::optional<Error> damage;  ///< why nobody can go on with it; kIncompatible: another version's
};

/// Looks into the folder of one run, whether or not a process works on it, and writes nothing;
/// nothing if it holds neither config.toml nor a journal with rounds. Reads all of the journal; see
/// Journal::verify.
std::optional<FoundRun> look_into(const std::filesystem::path& folder);

/// The runs in the folders of `folder`, the newest first; none if there is no such folder.
/// Errors: kUnavailable if `folder` cannot be listed. What is wrong with a run is in its `damage`.
std::vector<FoundRun> list_runs(const std::filesystem::path& folder);

}  // namespace lorae::runs
