#include "simulation/results.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "coordinator/traffic.h"
#include "runs/journal.h"

namespace lorae::simulation {
namespace {

constexpr std::size_t kLastEvaluations = 3;  // one evaluation is noisy

runs::Journal read_journal(const std::filesystem::path& directory) {
  return runs::Journal(directory / "journal.db", runs::Journal::Mode::kRead);
}

double accuracy_of(const std::vector<runs::RoundRecord>& rounds) {
  double sum = 0;
  std::size_t count = 0;
  for (auto round = rounds.rbegin(); round != rounds.rend() && count < kLastEvaluations; ++round) {
    if (round->metrics.contains("accuracy")) {
      sum += round->metrics.at("accuracy");
      ++count;
    }
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

std::int64_t meta_number(const runs::Journal& journal, std::string_view key) {
  return std::stoll(journal.meta(key).value_or("0"));
}

}  // namespace

report::ComparisonRun comparison_run(const experiment::RunConfig& config,
                                     const training::MethodOptions& method,
                                     std::uint64_t seed,
                                     const std::filesystem::path& directory) {
  using runs::Direction;
  const runs::Journal journal = read_journal(directory);
  const auto rounds = journal.rounds();
  double client_rounds = 0;
  double seconds = 0;
  for (const runs::RoundRecord& round : rounds) {
    client_rounds += static_cast<double>(round.num_updates);
    seconds += round.seconds;
  }
  const auto framed = [&](Direction direction, std::optional<std::string_view> layer) {
    return static_cast<double>(journal.total_bytes(direction, coordinator::kStageFramed, layer));
  };
  const double backbone = framed(Direction::kDownlink, coordinator::kLayerBackbone);
  const std::size_t fetched = journal.shares().size();
  report::ComparisonRun run;
  run.name = method.name;
  run.method = method.kind;
  run.seed = seed;
  run.rounds = static_cast<std::int64_t>(rounds.size());
  run.clients = config.federation.clients;
  run.cohort = config.federation.cohort == 0 ? config.federation.clients : config.federation.cohort;
  run.accuracy = accuracy_of(rounds);
  run.trainable_parameters = meta_number(journal, "trainable_parameters");
  run.total_parameters = meta_number(journal, "total_parameters");
  run.uplink_bytes_per_client_round =
      framed(Direction::kUplink, std::nullopt) / std::max(client_rounds, 1.0);
  run.downlink_bytes_per_client_round =
      (framed(Direction::kDownlink, std::nullopt) - backbone) / std::max(client_rounds, 1.0);
  run.backbone_bytes_once = backbone / static_cast<double>(std::max<std::size_t>(fetched, 1));
  run.seconds = seconds;
  run.digest = rounds.empty() ? "" : rounds.back().digest;
  return run;
}

report::ReportRun report_run(const training::MethodOptions& method,
                             std::uint64_t seed,
                             const std::filesystem::path& directory) {
  const runs::Journal journal = read_journal(directory);
  report::ReportRun report;
  report.name = method.name;
  report.method = method.kind;
  report.seed = seed;
  std::map<RoundId, double> uplink;
  std::map<std::string, report::LayerBytes> layers;
  for (const runs::LedgerRow& row : journal.bytes_by(runs::GroupBy::kRound)) {
    if (row.direction != runs::Direction::kUplink) {
      continue;
    }
    if (row.stage == coordinator::kStageFramed) {
      uplink[row.round] += static_cast<double>(row.bytes);
      continue;
    }
    report::LayerBytes& layer = layers[row.layer];
    layer.layer = row.layer;
    (row.stage == coordinator::kStageRaw ? layer.raw : layer.encoded) +=
        static_cast<double>(row.bytes);
  }
  double sent = 0;
  double client_rounds = 0;
  for (const runs::RoundRecord& round : journal.rounds()) {
    sent += uplink[round.round];
    client_rounds += static_cast<double>(round.num_updates);
    if (round.metrics.contains("accuracy")) {
      report.accuracy.emplace_back(round.round, round.metrics.at("accuracy"));
      report.accuracy_over_uplink.emplace_back(sent, round.metrics.at("accuracy"));
    }
  }
  for (auto& [name, layer] : layers) {
    layer.raw /= std::max(client_rounds, 1.0);
    layer.encoded /= std::max(client_rounds, 1.0);
    report.layers.push_back(layer);
  }
  report.framed_per_client_round = sent / std::max(client_rounds, 1.0);
  return report;
}

}  // namespace lorae::simulation
