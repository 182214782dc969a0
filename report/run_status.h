#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/metrics.h"

namespace lorae::report {

enum class RunState {
  kRunning,   ///< a process works on it
  kStopped,   ///< it has rounds left, and nobody works on it
  kFinished,  ///< it has had all its rounds
  kDamaged,   ///< nobody can go on with it
};

/// "running", ...
std::string state_name(RunState state);

/// A round, and which of its clients have an update in the journal.
struct RoundClients {
  RoundId round = {};
  std::vector<std::string> cohort = {};
  std::vector<std::string> reported = {};

  std::vector<std::string> missing() const;  ///< those that the round waits for
};

/// Where a run is, as its journal says.
struct RunStatus {
  std::filesystem::path folder = {};
  RunState state = RunState::kStopped;
  std::optional<Error> damage = {};  ///< the rest may be empty then
  std::string method = {};
  std::string summary = {};  ///< FolderConfig::summary
  std::int64_t rounds = 0;
  std::int64_t planned_rounds = 0;
  std::optional<RoundClients> last = {};  ///< committed
  double last_seconds = 0;
  std::optional<RoundClients> open = {};
  Metrics metrics = {};  ///< of the last round that was measured; empty if none was
  RoundId measured = {};
  std::string main_metric = {};
  std::int64_t uplink_bytes = 0;    ///< framed, of all clients and rounds, without the backbone
  std::int64_t downlink_bytes = 0;  ///< likewise
  std::int64_t backbone_bytes = 0;
  std::string digest = {};  ///< of the last global model, in hex
};

/// Looks into the folder of a run, whether or not a process works on it, and changes nothing.
/// Errors: kInvalidConfig if it holds no run. What is wrong with a run is in `damage`.
RunStatus run_status(const std::filesystem::path& folder);

/// Of the runs in the folders of `folder`, the newest first. Errors: as runs::list_runs.
std::vector<RunStatus> run_statuses(const std::filesystem::path& folder);

/// One JSON object on one line; docs/run_folder.md has its keys.
std::string to_json(const RunStatus& status);

}  // namespace lorae::report
