#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/atomic_file.h"
#include "base/ids.h"

namespace lorae::runs {

inline constexpr std::string_view kConfigFile = "config.toml";
inline constexpr std::string_view kJournalFile = "journal.db";
inline constexpr std::string_view kLockFile = "LOCK";
inline constexpr std::string_view kBestFile = "best.safetensors";

/// Meta key of the journal: the digest, in hex, of config.toml; and of the one before it, which a
/// crash between the two leaves in place.
inline constexpr std::string_view kConfigKey = "config";
inline constexpr std::string_view kConfigBeforeKey = "config_before";

class Journal;

/// True for what a crash in the middle of RunDirectory::create leaves: no round. A journal with
/// rounds, or damaged, is what is left of a run that lost its config.toml.
bool is_unused_journal(const std::filesystem::path& journal);

/// The folder of one run: LOCK, config.toml, journal.db and the files of the last rounds.
///
/// Owns the folder while it lives: no second process can open it.
/// Errors: kUnavailable "... is in use by another process".
class RunDirectory {
 public:
  /// Makes a folder for a new run: first an empty journal, closed again (open it with kContinue),
  /// config.toml last. So a folder with a config.toml has had a sound journal, and one without is
  /// no run. Errors: kInvalidConfig if it holds a run already, or a journal with rounds.
  static RunDirectory create(const std::filesystem::path& path, std::string_view effective_config);

  /// Errors: kInvalidConfig if there is no run in `path`.
  static RunDirectory open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }

  /// The effective configuration: every option with the value it has in this run.
  const std::string& config_text() const { return config_text_; }

  /// Takes a new one: the run is operated in another way from now on.
  void set_config(std::string_view text, Journal& journal);

  static std::filesystem::path journal_of(const std::filesystem::path& folder) {
    return folder / kJournalFile;
  }
  /// Locked (see is_locked) while a process works on the run.
  static std::filesystem::path lock_of(const std::filesystem::path& folder) {
    return folder / kLockFile;
  }
  std::filesystem::path journal_path() const { return journal_of(path_); }
  /// adapter-000012.safetensors
  static std::filesystem::path adapter_of(const std::filesystem::path& folder, RoundId round);
  std::filesystem::path adapter_path(RoundId round) const { return adapter_of(path_, round); }
  std::filesystem::path server_state_path(RoundId round) const;  ///< server-000012.safetensors

  /// best.safetensors: the adapter of the round that evaluations found best.
  std::filesystem::path best_path() const { return path_ / kBestFile; }

  /// Removes the files of the rounds before the `keep` rounds that end with `last`. A file that
  /// cannot be removed stays for the next call.
  void prune(RoundId last, int keep = 3) const;

 private:
  RunDirectory(std::filesystem::path path, FileLock lock, std::string config_text);

  std::filesystem::path path_;
  FileLock lock_;
  std::string config_text_;
};

}  // namespace lorae::runs
