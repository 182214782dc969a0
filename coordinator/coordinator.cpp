#include "coordinator/coordinator.h"

#include <algorithm>
#include <utility>

namespace lorae::coordinator {
namespace {

constexpr auto kStorageRetry = std::chrono::seconds(1);

std::vector<runs::BytesEntry> ledger_entries(runs::Direction direction,
                                             const std::vector<codec::StageBytes>& layers) {
  std::vector<runs::BytesEntry> entries;
  for (const codec::StageBytes& layer : layers) {
    for (const auto& [stage, bytes] : layer.bytes) {
      entries.push_back({direction, layer.layer, std::string(stage), bytes});
    }
  }
  return entries;
}

}  // namespace

Coordinator::Coordinator(CoordinatorSettings settings,
                         const StateDict& initial,
                         const ExchangeOptions& exchange,
                         const runs::RunDirectory& directory,
                         runs::Journal& journal,
                         transport::ServerChannel& channel,
                         CoordinatorEvents events)
    : settings_(std::move(settings)),
      directory_(directory),
      journal_(journal),
      channel_(channel),
      events_(std::move(events)),
      state_(initial, exchange),
      broadcast_(codec::Chain::parse(exchange.downlink), initial, exchange.lattice > 0),
      intake_(exchange, broadcast_.layout()),
      backbone_digest_(digest_of(settings_.backbone)),
      roster_(settings_.epoch),
      uploads_({.update_bytes = intake_.max_update_bytes(),
                .max_examples = settings_.federation.max_examples}),
      improvement_(journal),
      shares_(journal.shares()),
      counted_(journal.counted()) {
  const RoundId committed = journal_.last_committed();
  if (committed > RoundId{0}) {
    const auto rounds = journal_.rounds();
    const auto record = std::ranges::find(rounds, committed, &runs::RoundRecord::round);
    state_.restore(directory_, committed, record->digest);
    broadcast_.advance(state_.tensors(), committed);
  }
  if (settings_.federation.keep_updates && committed == RoundId{0}) {
    state_.save_start(directory_);
  }
  if (!finished()) {  // it may have been, and got more rounds
    journal_.set_meta(runs::kStateKey, runs::kStateRunning);
  }
}

void Coordinator::note(const char* event, const LogDetails& details) const {
  if (events_.on_note) {
    events_.on_note(event, details);
  }
}

void Coordinator::advance(TimePoint now) {
  if (!std::exchange(resumed_, true)) {
    ask_for_metrics();
    if (!finished()) {
      resume_round(now);
    }
  }
  if (finished() || (paused_ && now < retry_)) {
    return;
  }
  try {
    flush_updates();
    if (!round_) {
      open_round(now);
    }
    if (round_ && !result_) {
      close_round(now);
    }
    if (result_) {
      finish_round(now);
    }
    if (std::exchange(paused_, false)) {
      note("run.resumed", "there is room again");
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) {
      throw;
    }
    if (!std::exchange(paused_, true)) {
      note("run.paused", error.what());
    }
    retry_ = now + kStorageRetry;
  }
}

/// Adds first, so that what the rule refuses is never promised; then makes durable; then answers.
void Coordinator::flush_updates() {
  if (pending_.empty()) {
    return;
  }
  pending_bytes_ = 0;
  add_pending();
  try {
    auto transaction = journal_.begin();
    for (const Pending& pending : pending_) {
      const ReceivedUpdate& update = pending.update;
      const runs::Stored stored =
          journal_.add_update(update.round,
                              {.client = update.client,
                               .num_examples = update.num_examples,
                               .metrics = update.metrics,
                               .digest = update.object,
                               .payload = update.payload,
                               .base_round = state_.version()},
                              ledger_entries(runs::Direction::kUplink, pending.receipt.stages));
      sum_is_stale_ |= stored == runs::Stored::kDuplicate;
    }
    traffic_.write(journal_, counting_round());
    transaction.commit();
  } catch (const Error&) {
    sum_is_stale_ = true;
    for (const Pending& pending : std::exchange(pending_, {})) {
      verdict(pending, wire::VerdictKind::kWait, "no space left on the coordinator's disk");
    }
    throw;
  }
  traffic_.clear();
  for (const Pending& pending : std::exchange(pending_, {})) {
    round_->reported(pending.update.client);
    verdict(pending, wire::VerdictKind::kAccepted);
  }
}

/// Adds what is pending to the round's sum; what the rule refuses is rejected.
void Coordinator::add_pending() {
  sum_again_if_stale();
  std::erase_if(pending_, [&](const Pending& pending) {
    const ReceivedUpdate& update = pending.update;
    try {
      intake_.add(update.client, pending.receipt, update.num_examples);
      return false;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorruptData) {
        throw;
      }
      reject(pending, error.what());
      return true;
    }
  });
}

/// The round's sum from what is durable: after a restart, or a write that failed. In between, every
/// update was added when it came.
void Coordinator::sum_again_if_stale() {
  if (!sum_is_stale_) {
    return;
  }
  intake_.begin(state_.tensors(), round_->id());
  for (const ClientId& client : journal_.reported(round_->id())) {
    const runs::StoredUpdate update = journal_.update(round_->id(), client);
    const auto receipt = intake_.accept(update.payload, broadcast_.held(), round_->id());
    intake_.add(client, receipt.value(), update.num_examples);
  }
  sum_is_stale_ = false;
}

void Coordinator::on_revoked(const std::vector<ClientId>& clients) {
  for (const ClientId& client : clients) {
    note("client.revoked", log_details("client=", client));
    std::erase_if(pending_,
                  [&](const Pending& pending) { return pending.update.client == client; });
    uploads_.forget(client);
    roster_.leave(client);
    if (round_) {
      round_->dropped(client, "revoked");
    }
  }
}

void Coordinator::ask_for_metrics() {
  const RoundId version = state_.version();
  if (version > RoundId{0} && events_.on_state &&
      journal_.meta(runs::kMeasuredKey) != std::to_string(version.value)) {
    events_.on_state(version, state_.tensors());
  }
}

void Coordinator::on_metrics(RoundId round, const Metrics& metrics, const StateDict& state) {
  const bool was_finished = finished();
  const Improvement before = improvement_;
  try {
    if (improvement_.measured(round, metrics)) {
      state_.save_best(directory_, round, state);  // first: a crash in between measures it again
    }
    auto transaction = journal_.begin();
    journal_.add_metrics(round, metrics);
    journal_.set_meta(runs::kMainMetricKey, metrics.main_name());
    journal_.set_meta(runs::kMeasuredKey, std::to_string(round.value));
    if (finished()) {
      journal_.set_meta(runs::kStateKey, runs::kStateFinished);
    }
    transaction.commit();
  } catch (const Error& error) {  // the round is committed; numbers for plots may be missing
    improvement_ = before;        // it is not the best that is kept
    note("metrics.lost", error.what());
  }
  if (!was_finished && finished()) {
    note("run.stops_improving", log_details("round=", round, " best=", improvement_.best_round(),
                                            " metric=", improvement_.metric(),
                                            " federation.stop=", settings_.federation.stop));
  }
}

void Coordinator::say_bye(bool finished) {
  for (const auto& [client, member] : roster_.members()) {
    send_bye(client, member, finished);
  }
  write_traffic();
}

void Coordinator::write_traffic() {
  try {
    auto transaction = journal_.begin();
    traffic_.write(journal_, round_ ? round_->id() : state_.version());
    transaction.commit();
    traffic_.clear();
  } catch (const Error& error) {  // the end of a run must not depend on a ledger of its last bytes
    note("ledger.lost", error.what());
  }
}

}  // namespace lorae::coordinator
