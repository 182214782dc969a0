#include "report/run_record.h"

#include <algorithm>
#include <map>

#include "base/skew.h"
#include "report/figure_sections.h"
#include "runs/run_directory.h"

namespace lorae::report {
namespace {

using runs::Direction;

constexpr std::size_t kLastEvaluations = 3;  // one evaluation is noisy

/// By their number; 0 is what was before the first one.
std::map<RoundId, RoundRecord> read_rounds(const runs::Journal& journal) {
  std::map<RoundId, RoundRecord> rounds = {{RoundId{}, {}}};
  for (const runs::RoundRecord& round : journal.rounds()) {
    if (round.committed) {  // without what an interrupted run had open
      rounds[round.round] = {.round = round.round,
                             .metrics = round.metrics,
                             .cohort = std::ssize(round.cohort),
                             .updates = round.num_updates,
                             .seconds = round.seconds};
    }
  }
  for (const runs::LedgerRow& row : journal.bytes_by(runs::GroupBy::kRound)) {
    const auto found = rounds.find(row.round);
    if (found == rounds.end() || row.stage != runs::kStageFramed ||
        row.layer == runs::kLayerBackbone) {
      continue;
    }
    const auto bytes = static_cast<double>(row.bytes);
    RoundRecord& round = found->second;
    (row.direction == Direction::kUplink ? round.uplink_bytes : round.downlink_bytes) += bytes;
    const bool control = row.layer == runs::kLayerControl || row.layer == runs::kLayerHeartbeat;
    round.control_bytes += control ? bytes : 0;
  }
  return rounds;
}

std::vector<ClientRecord> read_clients(const runs::Journal& journal) {
  std::map<std::string, ClientRecord> clients;
  for (const auto& [client, share] : journal.shares()) {
    clients[client.name];
  }
  for (const auto& [client, examples] : journal.class_counts()) {
    clients[client.name].examples = examples;
  }
  for (const auto& [client, metrics] : journal.last_client_metrics()) {
    clients[client.name].metrics = metrics;
  }
  for (const runs::RoundRecord& round : journal.rounds()) {
    if (!round.committed) {
      continue;
    }
    for (const ClientId& client : round.cohort) {
      ++clients[client.name].asked;
    }
    for (const ClientId& client : journal.reported(round.round)) {
      ++clients[client.name].reported;
    }
  }
  for (const runs::ClientBytes& row : journal.bytes_of_clients(runs::kStageFramed)) {
    ClientRecord& client = clients[row.client.name];
    double& sum = row.layer == runs::kLayerBackbone     ? client.backbone_bytes
                  : row.direction == Direction::kUplink ? client.uplink_bytes
                                                        : client.downlink_bytes;
    sum += static_cast<double>(row.bytes);
  }
  std::vector<ClientRecord> result;
  for (auto& [name, client] : clients) {
    client.name = name;
    result.push_back(std::move(client));
  }
  return result;
}

/// Means of each metric over the last rounds that were evaluated, the main one first.
Metrics final_metrics(const RunRecord& record) {
  std::vector<const Metrics*> last;
  for (auto round = record.rounds.rbegin();
       round != record.rounds.rend() && last.size() < kLastEvaluations; ++round) {
    if (round->metrics.find(record.main_metric)) {
      last.push_back(&round->metrics);
    }
  }
  Metrics means;
  if (last.empty()) {
    return means;
  }
  means.set(record.main_metric, 0);
  for (const Metrics* metrics : last) {
    for (const auto& [name, value] : *metrics) {
      const double so_far = means.find(name).value_or(0);
      means.set(name, so_far + value / static_cast<double>(last.size()));
    }
  }
  return means;
}

}  // namespace

double RunRecord::client_rounds() const {
  std::int64_t count = 0;
  for (const RoundRecord& round : rounds) {
    count += round.updates;
  }
  return static_cast<double>(std::max<std::int64_t>(count, 1));
}

RunRecord read_run(const std::filesystem::path& folder) {
  const runs::Journal journal(runs::RunDirectory::journal_of(folder), runs::Journal::Mode::kRead);
  const auto number = [&](std::string_view key) {
    return static_cast<std::int64_t>(std::stoll(journal.meta(key).value_or("0")));
  };
  RunRecord record{.main_metric = journal.meta(runs::kMainMetricKey).value_or(""),
                   .rounds = {},
                   .before = {},
                   .ledger = journal.bytes_by(runs::GroupBy::kRun),
                   .clients = read_clients(journal),
                   .class_names = journal.class_names(),
                   .trainable_parameters = number(runs::kTrainableKey),
                   .total_parameters = number(runs::kTotalKey),
                   .finished = journal.meta(runs::kStateKey) == runs::kStateFinished,
                   .digest = {}};
  for (auto& [id, round] : read_rounds(journal)) {
    if (id == RoundId{}) {
      record.before = round;
    } else {
      record.rounds.push_back(std::move(round));
    }
  }
  if (const auto rounds = judged_rounds(folder); !rounds.empty()) {
    record.judged_round = rounds.back();
    record.judged = read_figures(folder / of_round(kFiguresFile, rounds.back().value));
  }
  for (const runs::RoundRecord& round : journal.rounds()) {
    record.digest = round.committed ? round.digest : record.digest;
  }
  return record;
}

std::optional<double> skew_of(const RunRecord& run) {
  std::vector<std::vector<std::int64_t>> counts;
  for (const ClientRecord& client : run.clients) {
    if (!client.examples.empty()) {
      counts.push_back(client.examples);
    }
  }
  return counts.empty() ? std::nullopt : std::optional(lorae::skew_of(counts));
}

ComparisonRun comparison_run(const RunRecord& record) {
  ComparisonRun run;
  run.rounds = std::ssize(record.rounds);
  run.metrics = final_metrics(record);
  run.trainable_parameters = record.trainable_parameters;
  run.total_parameters = record.total_parameters;
  run.digest = record.digest;
  run.by_round = record.rounds;
  const double client_rounds = record.client_rounds();
  run.uplink_bytes_per_client_round = record.before.uplink_bytes / client_rounds;
  run.downlink_bytes_per_client_round = record.before.downlink_bytes / client_rounds;
  run.control_bytes_per_client_round = record.before.control_bytes / client_rounds;
  double so_far = 0;
  for (const RoundRecord& round : record.rounds) {
    run.uplink_bytes_per_client_round += round.uplink_bytes / client_rounds;
    run.downlink_bytes_per_client_round += round.downlink_bytes / client_rounds;
    run.control_bytes_per_client_round += round.control_bytes / client_rounds;
    run.seconds += round.seconds;
    so_far += round.uplink_bytes + round.downlink_bytes;
    if (const auto metric = round.metrics.find(record.main_metric)) {
      run.curve.push_back({round.round, *metric, so_far});
    }
  }
  double backbone = 0;
  for (const ClientRecord& client : record.clients) {
    backbone += client.backbone_bytes;
  }
  run.backbone_bytes_once =
      backbone / static_cast<double>(std::max<std::size_t>(record.clients.size(), 1));
  return run;
}

}  // namespace lorae::report
