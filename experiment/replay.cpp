#include "experiment/replay.h"

#include <algorithm>
#include <cmath>

#include "adapters/adapter_file.h"
#include "adapters/description.h"
#include "base/error.h"
#include "base/seed.h"
#include "base/text.h"
#include "coordinator/broadcast.h"
#include "coordinator/global_state.h"
#include "coordinator/intake.h"
#include "experiment/run.h"
#include "runs/journal.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "training/trainable.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;

void check_known(const std::string& name,
                 const std::vector<std::string_view>& names,
                 const char* what) {
  const std::vector<std::string> known(names.begin(), names.end());
  check(name.empty() || std::ranges::find(known, name) != known.end(), ErrorCode::kInvalidConfig,
        "[aggregate] no ", what, " '", name, "'; there are: ", join(known));
}

/// Of the run, with another rule or server where that is asked for.
RunConfig config_of(const runs::RunDirectory& directory, const ReplayOptions& options) {
  ConfigReader reader =
      ConfigReader::parse(directory.config_text(), (directory.path() / "config.toml").string());
  RunConfig config = read_run_config(reader);
  check(config.federation.keep_updates, ErrorCode::kInvalidConfig, "[aggregate] '",
        directory.path().string(),
        "' kept no updates: run it with federation.keep_updates = true from the start");
  MethodConfig& method = config.methods.front();
  check_known(options.rule, aggregation::rule_names(), "rule");
  check_known(options.server, aggregation::server_optimizer_names(), "server optimiser");
  if (!options.rule.empty()) {
    check(method.rule.weighting != "fednova" || options.rule == method.rule.aggregation,
          ErrorCode::kInvalidConfig, "[aggregate] --rule ", options.rule,
          ": the run weighs by FedNova, which is for ", method.rule.aggregation);
    method.rule.aggregation = options.rule;
  }
  if (!options.server.empty()) {
    method.server.name = options.server;
  }
  return config;
}

double squared_distance(const StateDict& a, const StateDict& b) {
  double sum = 0;
  for_each_aligned(
      [&](const at::Tensor& one, const at::Tensor& other) {
        sum += (one - other).to(c10::kDouble).square().sum().item<double>();
      },
      a, b);
  return sum;
}

/// A recorded run, whose rounds are aggregated again one after the other.
class Recorded {
 public:
  Recorded(const runs::RunDirectory& directory, const RunConfig& config, const ReplayOptions& how)
      : directory_(directory),
        journal_(directory.journal_path(), runs::Journal::Mode::kRead),
        how_(how),
        start_(adapters::load_adapter_as_kept(directory.adapter_path(RoundId{0}))),
        keeps_moments_(how.server.empty()) {
    const MethodConfig& method = config.methods.front();
    std::vector<StateDict::Entry> constant, sent;
    for (const StateDict::Entry& entry : start_.state) {
      const bool stays =
          method.kind == adapters::Kind::kLorae && training::is_constant(method.train, entry.first);
      (stays ? constant : sent).push_back(entry);
    }
    initial_ = StateDict(std::move(sent));
    exchange_ = exchange_of(config, method, start_.info, StateDict(std::move(constant)));
  }

  ReplayedRound again(const runs::RoundRecord& record, const std::string& digest_before) const {
    coordinator::GlobalState state(initial_, exchange_);
    const RoundId before{record.round.value - 1};
    if (before > RoundId{0}) {
      state.restore(directory_, before, digest_before, keeps_moments_);
    }
    state.step(sum_of(record.round, state.tensors()));
    const StateDict now = state.next().clone();
    const StateDict then =
        part_like(adapters::load_adapter_as_kept(directory_.adapter_path(record.round)).state,
                  state.tensors());
    const double moved = squared_distance(then, state.tensors());
    const double apart = squared_distance(now, then);
    return {.round = record.round,
            .digest = state.next_digest().hex(),
            .recorded_digest = record.digest,
            .difference = apart == 0 ? 0 : std::sqrt(apart / moved)};
  }

  std::vector<runs::RoundRecord> rounds() const {
    std::vector<runs::RoundRecord> rounds = journal_.rounds();
    std::erase_if(rounds, [](const runs::RoundRecord& record) { return record.digest.empty(); });
    return rounds;
  }

 private:
  aggregation::Aggregate sum_of(RoundId round, const StateDict& base) const {
    std::vector<ClientId> clients = journal_.reported(round);
    if (how_.shuffle) {
      Random random(Seed{*how_.shuffle}.derive("replay", "", round.value).value);
      random.shuffle(std::span(clients));
    }
    const coordinator::Broadcast broadcast(codec::Chain::parse(exchange_.downlink), base,
                                           exchange_.lattice > 0);
    const coordinator::Intake intake(exchange_, broadcast.layout());
    std::vector<std::unique_ptr<aggregation::Aggregator>> parts;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (parts.size() < static_cast<std::size_t>(how_.parts)) {
        parts.push_back(intake.rule_of(round));
        parts.back()->begin(base);
      }
      const runs::StoredUpdate update = journal_.update(round, clients[i]);
      coordinator::Receipt receipt = intake.accept(update.payload, broadcast.held(), round).value();
      parts[i % parts.size()]->add(
          intake.update_of(clients[i], std::move(receipt.delta), update.num_examples));
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
      check(parts.front()->merge(*parts[i]), ErrorCode::kInvalidConfig, "[aggregate] the rule '",
            exchange_.rule.aggregation, "' has to see all updates itself: leave --parts out");
    }
    return parts.at(0)->finish();
  }

  const runs::RunDirectory& directory_;
  runs::Journal journal_;
  ReplayOptions how_;
  adapters::Adapter start_;
  StateDict initial_;
  coordinator::ExchangeOptions exchange_;
  bool keeps_moments_;
};

}  // namespace

Replay replay(const fs::path& run, const ReplayOptions& options) {
  check(options.parts >= 1, ErrorCode::kInvalidConfig, "[aggregate] --parts: expected at least 1");
  const torch::NoGradGuard no_grad;
  use_one_thread();  // as the run itself: products and roots round by their threads
  const runs::RunDirectory directory = runs::RunDirectory::open(run);
  const RunConfig config = config_of(directory, options);
  const MethodConfig& method = config.methods.front();
  const Recorded recorded(directory, config, options);
  Replay result{method.rule.aggregation, method.server.name, {}};
  std::string digest_before;
  for (const runs::RoundRecord& record : recorded.rounds()) {
    result.rounds.push_back(recorded.again(record, digest_before));
    digest_before = record.digest;
  }
  return result;
}

}  // namespace lorae::experiment
