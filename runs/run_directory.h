#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/atomic_file.h"
#include "base/ids.h"

namespace lorae::runs {

/// The folder of one run: LOCK, config.toml, journal.db and the files of the last rounds.
///
/// Owns the folder while it lives: no second process can open it.
/// Errors: kUnavailable "... is in use by another process".
class RunDirectory {
 public:
  /// Makes a folder for a new run. Errors: kInvalidConfig if it holds a run already.
  static RunDirectory create(const std::filesystem::path& path, std::string_view effective_config);

  /// Errors: kInvalidConfig if there is no run in `path`.
  static RunDirectory open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }

  /// The effective configuration: every option with the value it has in this run.
  const std::string& config_text() const { return config_text_; }

  std::filesystem::path journal_path() const;
  std::filesystem::path adapter_path(RoundId round) const;       ///< adapter-000012.safetensors
  std::filesystem::path server_state_path(RoundId round) const;  ///< server-000012.safetensors

  /// Removes the files of the rounds before the `keep` rounds that end with `last`. A file that
  /// cannot be removed stays for the next call.
  void prune(RoundId last, int keep = 3) const;

 private:
  RunDirectory(std::filesystem::path path, FileLock lock, std::string config_text);

  std::filesystem::path path_;
  FileLock lock_;
  std::string config_text_;
};

/// The newest folder in `runs_folder` whose config.toml has the digest `config_digest_hex`
/// (`digest_of` its text) and whose journal does not say that the run is finished. Folders that
/// cannot be read are skipped; one that is in use is not.
std::optional<std::filesystem::path> find_unfinished(const std::filesystem::path& runs_folder,
                                                     std::string_view config_digest_hex);

}  // namespace lorae::runs
