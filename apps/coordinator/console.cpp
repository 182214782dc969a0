#include "apps/coordinator/console.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "experiment/run.h"

namespace lorae::apps {
namespace {

using nlohmann::json;

std::string bytes_text(std::int64_t bytes) {
  return human_bytes(static_cast<double>(bytes));
}

void put_line(const std::string& line) {
  put(line + '\n');
  std::fflush(stdout);  // whoever reads along is to see it now
}

/// `main`: the name of the metric of evaluations; empty: none of these is one.
void add(json& object, const Metrics& metrics, const std::string& main) {
  for (const auto& [name, value] : metrics) {
    object["metrics"][name] = value;
  }
  if (!main.empty()) {
    object["main_metric"] = main;
  }
}

}  // namespace

void Console::round(const coordinator::RoundSummary& round) const {
  if (as_json_) {
    json object{{"event", "round"},
                {"round", round.round.value},
                {"clients", round.clients},
                {"uplink_bytes", round.uplink_bytes},
                {"downlink_bytes", round.downlink_bytes},
                {"seconds", round.seconds}};
    add(object, round.metrics, {});
    put_line(json_line(object));
    return;
  }
  put_line(fmt::format("round {}/{}: {} clients, {}, up {}, down {}, {:.1f} s", round.round.value,
                       rounds_, round.clients, metrics_text(round.metrics),
                       bytes_text(round.uplink_bytes), bytes_text(round.downlink_bytes),
                       round.seconds));
}

void Console::metrics(RoundId round, const Metrics& metrics) const {
  if (as_json_) {
    json object{{"event", "metrics"}, {"round", round.value}};
    add(object, metrics, metrics.main_name());
    put_line(json_line(object));
    return;
  }
  put_line(fmt::format("round {}/{}: {}", round.value, rounds_, metrics_text(metrics)));
}

void Console::summary(const coordinator::Coordinator& coordinator,
                      const runs::RunDirectory& directory,
                      const runs::Journal& journal,
                      const transport::ServerCounters& counters) const {
  const RoundId version = coordinator.state().version();
  const std::string adapter = version == RoundId{0} ? "" : directory.adapter_path(version).string();
  const auto uplink = journal.total_bytes(runs::Direction::kUplink, coordinator::kStageFramed);
  const auto downlink = journal.total_bytes(runs::Direction::kDownlink, coordinator::kStageFramed);
  const std::string digest = coordinator.state().digest().hex();
  const std::string backbone = journal.meta(experiment::kBackboneKey).value_or("");
  const Metrics metrics = journal.metrics(version);
  const coordinator::Improvement& improvement = coordinator.improvement();
  const std::string best = improvement.best() ? directory.best_path().string() : "";
  const char* end = coordinator.finished() ? "finished" : "stopped";
  if (as_json_) {
    json object{{"event", end},
                {"rounds", version.value},
                {"digest", digest},
                {"uplink_bytes", uplink},
                {"downlink_bytes", downlink},
                {"adapter", adapter},
                {"best_adapter", best},
                {"best_round", improvement.best_round().value},
                {"backbone", backbone},
                {"run", directory.path().string()},
                {"frames_in", counters.frames_in},
                {"frames_out", counters.frames_out}};
    add(object, metrics, improvement.metric());
    put_line(json_line(object));
    return;
  }
  put_line(fmt::format("{} after {} rounds: {}{}up {}, down {}", end, version.value,
                       metrics_text(metrics), metrics.empty() ? "" : ", ", bytes_text(uplink),
                       bytes_text(downlink)));
  put_line(fmt::format("digest    {}\nadapter   {}", digest, adapter));
  if (improvement.best() && improvement.best_round() != version) {
    put_line(fmt::format("best      {} (round {}: {})", best, improvement.best_round().value,
                         metrics_text({{improvement.metric(), *improvement.best()}})));
  }
  put_line(fmt::format("backbone  {}\nrun       {}", backbone, directory.path().string()));
}

}  // namespace lorae::apps
