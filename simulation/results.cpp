#include "simulation/results.h"

#include <algorithm>
#include <map>

#include "coordinator/traffic.h"
#include "runs/journal.h"
#include "runs/run_directory.h"

namespace lorae::simulation {
namespace {

using runs::Direction;

constexpr std::size_t kLastEvaluations = 3;  // one evaluation is noisy

runs::Journal read_journal(const std::filesystem::path& directory) {
  return runs::Journal(runs::RunDirectory::journal_of(directory), runs::Journal::Mode::kRead);
}

std::string main_metric(const runs::Journal& journal) {
  return journal.meta(runs::kMainMetricKey).value_or("");
}

/// Means of each metric over the last rounds that were evaluated, the main one first.
Metrics final_metrics(const std::vector<runs::RoundRecord>& rounds, const std::string& main) {
  std::vector<const Metrics*> last;
  for (auto round = rounds.rbegin(); round != rounds.rend() && last.size() < kLastEvaluations;
       ++round) {
    if (round->metrics.find(main)) {
      last.push_back(&round->metrics);
    }
  }
  Metrics means;
  if (last.empty()) {
    return means;
  }
  means.set(main, 0);
  for (const Metrics* metrics : last) {
    for (const auto& [name, value] : *metrics) {
      const double so_far = means.find(name).value_or(0);
      means.set(name, so_far + value / static_cast<double>(last.size()));
    }
  }
  return means;
}

/// Framed bytes of all clients, without the backbone.
struct RoundBytes {
  double uplink = 0;
  double downlink = 0;
  double control = 0;  ///< part of both
};

std::map<RoundId, RoundBytes> bytes_of_rounds(const runs::Journal& journal) {
  std::map<RoundId, RoundBytes> rounds;
  for (const runs::LedgerRow& row : journal.bytes_by(runs::GroupBy::kRound)) {
    if (row.stage != coordinator::kStageFramed || row.layer == coordinator::kLayerBackbone) {
      continue;
    }
    RoundBytes& round = rounds[row.round];
    const auto bytes = static_cast<double>(row.bytes);
    (row.direction == Direction::kUplink ? round.uplink : round.downlink) += bytes;
    round.control += row.layer == coordinator::kLayerControl ? bytes : 0;
  }
  return rounds;
}

/// Evaluated rounds, with what they had cost.
std::vector<report::MetricPoint> points_of(const std::vector<runs::RoundRecord>& rounds,
                                           const std::string& main,
                                           const std::map<RoundId, RoundBytes>& bytes) {
  std::vector<report::MetricPoint> points;
  double uplink = 0;
  double total = 0;
  for (const runs::RoundRecord& round : rounds) {
    if (const auto spent = bytes.find(round.round); spent != bytes.end()) {
      uplink += spent->second.uplink;
      total += spent->second.uplink + spent->second.downlink;
    }
    if (const auto metric = round.metrics.find(main)) {
      points.push_back({round.round, *metric, uplink, total});
    }
  }
  return points;
}

double client_rounds_of(const std::vector<runs::RoundRecord>& rounds) {
  double count = 0;
  for (const runs::RoundRecord& round : rounds) {
    count += static_cast<double>(round.num_updates);
  }
  return std::max(count, 1.0);
}

std::int64_t meta_number(const runs::Journal& journal, std::string_view key) {
  return std::stoll(journal.meta(key).value_or("0"));
}

/// Without the round that an interrupted run had open.
std::vector<runs::RoundRecord> committed_rounds(const runs::Journal& journal) {
  auto rounds = journal.rounds();
  std::erase_if(rounds, [](const runs::RoundRecord& round) { return !round.committed; });
  return rounds;
}

}  // namespace

report::ComparisonRun comparison_run(const experiment::RunConfig& config,
                                     const experiment::MethodConfig& method,
                                     std::uint64_t seed,
                                     const std::filesystem::path& directory) {
  const runs::Journal journal = read_journal(directory);
  const auto rounds = committed_rounds(journal);
  const auto bytes = bytes_of_rounds(journal);
  const double client_rounds = client_rounds_of(rounds);
  report::ComparisonRun run;
  run.name = method.name;
  run.method = name_of(method.kind);
  run.seed = seed;
  for (const auto& [round, spent] : bytes) {
    run.uplink_bytes_per_client_round += spent.uplink / client_rounds;
    run.downlink_bytes_per_client_round += spent.downlink / client_rounds;
    run.control_bytes_per_client_round += spent.control / client_rounds;
  }
  for (const runs::RoundRecord& round : rounds) {
    run.seconds += round.seconds;
  }
  const auto backbone = static_cast<double>(journal.total_bytes(
      Direction::kDownlink, coordinator::kStageFramed, coordinator::kLayerBackbone));
  run.backbone_bytes_once =
      backbone / static_cast<double>(std::max<std::size_t>(journal.shares().size(), 1));
  const std::string main = main_metric(journal);
  run.metrics = final_metrics(rounds, main);
  for (const report::MetricPoint& point : points_of(rounds, main, bytes)) {
    run.curve.push_back({point.round, point.metric, point.total_bytes});
  }
  run.rounds = static_cast<std::int64_t>(rounds.size());
  run.clients = config.federation.clients;
  run.cohort = config.federation.cohort == 0 ? config.federation.clients : config.federation.cohort;
  run.trainable_parameters = meta_number(journal, "trainable_parameters");
  run.total_parameters = meta_number(journal, "total_parameters");
  run.digest = rounds.empty() ? "" : rounds.back().digest;
  return run;
}

report::ReportRun report_run(const experiment::MethodConfig& method,
                             std::uint64_t seed,
                             const std::filesystem::path& directory) {
  const runs::Journal journal = read_journal(directory);
  const auto rounds = committed_rounds(journal);
  const double client_rounds = client_rounds_of(rounds);
  const auto bytes = bytes_of_rounds(journal);
  report::ReportRun report;
  report.name = method.name;
  report.method = name_of(method.kind);
  report.seed = seed;
  report.main_metric = main_metric(journal);
  report.points = points_of(rounds, report.main_metric, bytes);
  for (const auto& [round, spent] : bytes) {
    report.framed_per_client_round += spent.uplink / client_rounds;
  }
  std::map<std::string, std::map<std::string, double>> layers;  // stage by stage
  for (const runs::LedgerRow& row : journal.bytes_by(runs::GroupBy::kRun)) {
    if (row.direction == Direction::kUplink && row.stage != coordinator::kStageFramed) {
      layers[row.layer][row.stage] += static_cast<double>(row.bytes) / client_rounds;
    }
  }
  for (const auto& [name, stages] : layers) {
    report::LayerBytes& layer = report.layers.emplace_back();
    layer.layer = name;
    for (const std::string_view stage : codec::kStages) {
      if (const auto found = stages.find(std::string(stage)); found != stages.end()) {
        layer.stages.emplace_back(*found);
      }
    }
  }
  return report;
}

void add_clients(const std::filesystem::path& directory, report::Report& report) {
  const runs::Journal journal = read_journal(directory);
  report.class_names = journal.class_names();
  for (const auto& [client, counts] : journal.class_counts()) {
    report.clients.push_back({client.name, counts});
  }
}

}  // namespace lorae::simulation
