// `lorae runs` and `lorae status`: where a coordinator's runs are, as their journals say.
#include <fmt/format.h>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/commands.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "report/run_status.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using report::RunState;
using report::RunStatus;

std::string main_metric_text(const RunStatus& status) {
  const auto value = status.metrics.find(status.main_metric);
  return value ? metrics_text({{status.main_metric, *value}}) : "-";
}

std::string bytes_text(std::int64_t bytes) {
  return human_bytes(static_cast<double>(bytes));
}

/// A folder, or a name among the home's runs.
RunStatus find_run(const fs::path& home, const std::string& run) {
  if (run.empty()) {
    std::vector<RunStatus> all = report::run_statuses(home / "runs");
    check(!all.empty(), ErrorCode::kInvalidConfig, "[run] there is no run in '",
          (home / "runs").string(), "'");
    return std::move(all.front());
  }
  const fs::path named = home / "runs" / run;
  const bool is_name = fs::path(run).filename() == run && !fs::exists(run) && fs::exists(named);
  return report::run_status(is_name ? named : fs::path(run));
}

std::string clients_text(const report::RoundClients& clients) {
  return fmt::format("{} of {} reported in round {}: {}", clients.reported.size(),
                     clients.cohort.size(), clients.round.value, join(clients.reported));
}

std::string open_text(const RunStatus& status) {
  if (!status.open) {
    return status.state == RunState::kRunning ? "none: it waits for clients, or is between rounds"
                                              : "none";
  }
  const report::RoundClients& open = *status.open;
  const std::vector<std::string> missing = open.missing();
  return fmt::format("round {}: {} of {} reported{}", open.round.value, open.reported.size(),
                     open.cohort.size(), missing.empty() ? "" : "; waits for " + join(missing));
}

void print(const RunStatus& status) {
  Table table("ll", {});
  table.row("run", status.folder.string());
  table.row("what", fmt::format("{}: {}", status.method, status.summary));
  table.row("state", fmt::format("{}, {} of {} rounds done", report::state_name(status.state),
                                 status.rounds, status.planned_rounds));
  if (status.last) {
    table.row("clients", clients_text(*status.last));
    table.row("time",
              fmt::format("{:.1f} s for round {}", status.last_seconds, status.last->round.value));
  }
  if (!status.metrics.empty()) {
    table.row("metrics", fmt::format("{} after round {}", metrics_text(status.metrics),
                                     status.measured.value));
  }
  table.row("bytes", fmt::format("up {}, down {}, backbones {}; framed, all clients",
                                 bytes_text(status.uplink_bytes), bytes_text(status.downlink_bytes),
                                 bytes_text(status.backbone_bytes)));
  table.row("open", open_text(status));
  if (!status.digest.empty()) {
    table.row("digest", status.digest);
  }
  table.print();
}

}  // namespace

void list_runs(const fs::path& home, bool as_json) {
  const std::vector<RunStatus> runs = report::run_statuses(home / "runs");
  Table table("llrl", {"run", "state", "rounds", "last metric"});
  for (const RunStatus& status : runs) {
    if (as_json) {
      say("{}\n", report::to_json(status));
      continue;
    }
    table.row(status.folder.filename().string(), report::state_name(status.state),
              fmt::format("{} of {}", status.rounds, status.planned_rounds),
              main_metric_text(status));
  }
  if (as_json) {
    return;
  }
  if (runs.empty()) {
    say("no runs in {}\n", (home / "runs").string());
    return;
  }
  table.print();
  for (const RunStatus& status : runs) {
    if (status.damage) {
      say("\n{}: {}\n", status.folder.filename().string(), status.damage->what());
    }
  }
}

void show_status(const fs::path& home, const std::string& run, bool as_json) {
  const RunStatus status = find_run(home, run);
  if (as_json) {
    say("{}\n", report::to_json(status));
  }
  if (status.damage) {
    throw Error(*status.damage);
  }
  if (!as_json) {
    print(status);
  }
}

}  // namespace lorae::apps
