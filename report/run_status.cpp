#include "report/run_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "report/folder_config.h"
#include "runs/journal.h"
#include "runs/list_runs.h"
#include "runs/run_directory.h"

namespace lorae::report {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> names_of(const std::vector<ClientId>& clients) {
  std::vector<std::string> names;
  std::ranges::transform(clients, std::back_inserter(names), &ClientId::name);
  return names;
}

void read_rounds(const runs::Journal& journal, RunStatus& status) {
  for (const runs::RoundRecord& record : journal.rounds()) {
    RoundClients clients{.round = record.round,
                         .cohort = names_of(record.cohort),
                         .reported = names_of(journal.reported(record.round))};
    if (!record.committed) {
      status.open = std::move(clients);
      continue;
    }
    ++status.rounds;
    status.last = std::move(clients);
    status.last_seconds = record.seconds;
    status.digest = record.digest;
    if (record.metrics.find(status.main_metric)) {
      status.metrics = record.metrics;
      status.measured = record.round;
    }
  }
}

void read_bytes(const runs::Journal& journal, RunStatus& status) {
  for (const runs::LedgerRow& row : journal.bytes_by(runs::GroupBy::kRun)) {
    if (row.stage == runs::kStageFramed) {
      std::int64_t& sum = row.layer == runs::kLayerBackbone           ? status.backbone_bytes
                          : row.direction == runs::Direction::kUplink ? status.uplink_bytes
                                                                      : status.downlink_bytes;
      sum += row.bytes;
    }
  }
}

RunStatus status_of(const runs::FoundRun& run) {
  RunStatus status{.folder = run.path};
  try {
    const FolderConfig config = read_folder_config(run.path / runs::kConfigFile);
    status.method = config.methods.empty() ? "" : config.methods.front().name;
    status.summary = config.summary();
    status.planned_rounds = config.rounds;
    const runs::Journal journal(runs::RunDirectory::journal_of(run.path),
                                runs::Journal::Mode::kRead);
    status.main_metric = journal.meta(runs::kMainMetricKey).value_or("");
    read_rounds(journal, status);
    read_bytes(journal, status);
  } catch (const Error& error) {
    status.damage = error;
  }
  if (run.damage) {
    status.damage = run.damage;
  }
  status.state = status.damage                                      ? RunState::kDamaged
                 : is_locked(runs::RunDirectory::lock_of(run.path)) ? RunState::kRunning
                 : run.finished                                     ? RunState::kFinished
                                                                    : RunState::kStopped;
  return status;
}

Json json_of(const std::optional<RoundClients>& clients) {
  if (!clients) {
    return nullptr;
  }
  return {{"round", clients->round.value},
          {"cohort", clients->cohort},
          {"reported", clients->reported},
          {"missing", clients->missing()}};
}

}  // namespace

std::string state_name(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return "running";
    case RunState::kStopped:
      return "stopped";
    case RunState::kFinished:
      return "finished";
    case RunState::kDamaged:
      break;
  }
  return "damaged";
}

std::vector<std::string> RoundClients::missing() const {
  std::vector<std::string> names;
  std::ranges::copy_if(cohort, std::back_inserter(names), [&](const std::string& name) {
    return std::ranges::find(reported, name) == reported.end();
  });
  return names;
}

RunStatus run_status(const std::filesystem::path& folder) {
  const auto found = runs::look_into(folder);
  check(found.has_value(), ErrorCode::kInvalidConfig, "[run] '", folder.string(),
        "' holds no run: expected a folder in HOME/runs; `lorae runs` lists them");
  return status_of(*found);
}

std::vector<RunStatus> run_statuses(const std::filesystem::path& folder) {
  std::vector<RunStatus> statuses;
  for (const runs::FoundRun& run : runs::list_runs(folder)) {
    statuses.push_back(status_of(run));
  }
  return statuses;
}

std::string to_json(const RunStatus& status) {
  Json metrics = Json::object();
  for (const auto& [name, value] : status.metrics) {
    metrics[name] = value;
  }
  const Json json{
      {"run", status.folder.string()},
      {"state", state_name(status.state)},
      {"damage", status.damage ? Json(status.damage->what()) : Json(nullptr)},
      {"method", status.method},
      {"summary", status.summary},
      {"rounds", status.rounds},
      {"planned_rounds", status.planned_rounds},
      {"last", json_of(status.last)},
      {"last_seconds", status.last_seconds},
      {"open", json_of(status.open)},
      {"metrics", metrics},
      {"metrics_round", status.measured.value},
      {"main_metric", status.main_metric},
      {"uplink_bytes", status.uplink_bytes},
      {"downlink_bytes", status.downlink_bytes},
      {"backbone_bytes", status.backbone_bytes},
      {"digest", status.digest},
  };
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lorae::report
