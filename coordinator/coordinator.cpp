#include "coordinator/coordinator.h"

#include <algorithm>
#include <utility>

#include "coordinator/selection.h"

namespace lorae::coordinator {
namespace {

constexpr int kHeartbeatsMissed = 4;  // then a client counts as gone
constexpr auto kStorageRetry = std::chrono::seconds(1);

Duration to_duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Coordinator::Coordinator(CoordinatorSettings settings,
                         GlobalModel model,
                         const runs::RunDirectory& directory,
                         runs::Journal& journal,
                         transport::ServerChannel& channel,
                         CoordinatorEvents events)
    : settings_(std::move(settings)),
      model_(std::move(model)),
      directory_(directory),
      journal_(journal),
      channel_(channel),
      events_(std::move(events)),
      backbone_digest_(digest_of(settings_.backbone)),
      roster_(settings_.epoch),
      uploads_({.update_bytes = model_.max_update_bytes(),
                .max_examples = settings_.federation.max_examples}),
      shares_(journal.shares()) {
  const RoundId committed = journal_.last_committed();
  if (committed > 0) {
    const auto records = journal_.rounds();
    const auto record = std::find_if(records.begin(), records.end(), [&](const auto& candidate) {
      return candidate.round == committed;
    });
    model_.restore(directory_, committed, record->digest);
    if (!record->metrics.contains("accuracy")) {  // died between commit and evaluation
      RoundSummary ignored;
      evaluate_round(committed, ignored);
    }
  }
}

void Coordinator::note(const char* event, const std::string& details) const {
  if (events_.on_note) {
    events_.on_note(event, details);
  }
}

void Coordinator::assign(const ClientId& client) {
  const Roster::Member* member = roster_.find(client);
  if (member == nullptr) {
    return;  // gets it when it is back
  }
  const auto share = static_cast<std::uint64_t>(shares_.at(client));
  const auto share_count = static_cast<std::uint64_t>(settings_.federation.clients);
  send(client, member->connection,
       wire::Assignment{
           .session = member->session,
           .round = round_->id(),
           .model = model_.encoded_digest(),
           .model_bytes = model_.encoded().size(),
           .backbone = backbone_digest_,
           .backbone_bytes = settings_.backbone.size(),
           .share_index = share % share_count,
           .share_count = share_count,
           .learning_rate_factor = learning_rate_factor(settings_.federation, round_->id())});
}

void Coordinator::advance(TimePoint now) {
  if (finished() || (paused_ && now < retry_)) {
    return;
  }
  try {
    flush_updates();
    if (!round_) {
      resume_round(now);
    }
    if (!round_) {
      open_round(now);
    }
    if (round_ && !stepped_) {
      close_round(now);
    }
    if (stepped_) {
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

void Coordinator::resume_round(TimePoint now) {
  if (const auto open = journal_.open_round()) {
    const RoundOptions options{settings_.federation.min_fraction,
                               to_duration(settings_.federation.report_deadline)};
    round_.emplace(open->round, open->cohort, now, options, journal_.reported(open->round));
    note("round.resumed", str("round=", open->round, " durable=", round_->num_reported()));
    for (const ClientId& client : open->cohort) {
      assign(client);
    }
  }
}

void Coordinator::open_round(TimePoint now) {
  const auto patience = to_duration(settings_.federation.heartbeat * kHeartbeatsMissed);
  const std::vector<ClientId> present = roster_.present(now, patience);
  const auto needed = static_cast<std::size_t>(settings_.federation.min_clients);
  if (present.size() < needed) {
    if (announced_present_ != present.size() && events_.on_waiting) {
      events_.on_waiting(present.size(), needed);
    }
    announced_present_ = present.size();
    return;
  }
  const RoundId id = model_.version() + 1;
  auto cohort = select_cohort(present, static_cast<std::size_t>(settings_.federation.cohort), id,
                              settings_.seed);
  // Shares go by name among those who are here first, so the order of arrival does not matter.
  auto shares = shares_;
  auto transaction = journal_.begin();
  for (const ClientId& client : present) {
    if (!shares.contains(client)) {
      const auto next = static_cast<std::int64_t>(shares.size());
      shares[client] = next;
      journal_.set_share(client, next);
    }
  }
  journal_.open_round(id, cohort);
  transaction.commit();
  shares_ = std::move(shares);
  announced_present_.reset();
  const RoundOptions options{settings_.federation.min_fraction,
                             to_duration(settings_.federation.report_deadline)};
  round_.emplace(id, std::move(cohort), now, options);
  for (const ClientId& client : round_->cohort()) {
    assign(client);
  }
}

std::vector<runs::BytesEntry> Coordinator::ledger_entries(const ReceivedUpdate& update) const {
  std::vector<runs::BytesEntry> entries;
  const auto add = [&](runs::Direction direction, const std::vector<codec::LayerBytes>& layers) {
    for (const codec::LayerBytes& layer : layers) {
      entries.push_back({direction, layer.layer, kStageRaw, layer.raw});
      entries.push_back({direction, layer.layer, kStageEncoded, layer.encoded});
    }
  };
  add(runs::Direction::kUplink, model_.uplink_bytes(update.payload));
  add(runs::Direction::kDownlink, model_.downlink_bytes());
  return entries;
}

void Coordinator::flush_updates() {
  if (pending_.empty()) {
    return;
  }
  std::vector<wire::VerdictKind> kinds;
  pending_bytes_ = 0;
  try {
    auto transaction = journal_.begin();
    for (const Pending& pending : pending_) {
      const ReceivedUpdate& update = pending.update;
      const auto stored = journal_.add_update(
          update.round,
          {update.client, update.num_examples, update.train_loss, update.object, update.payload},
          ledger_entries(update));
      kinds.push_back(stored == runs::Stored::kNew ? wire::VerdictKind::kAccepted
                                                   : wire::VerdictKind::kDuplicate);
    }
    traffic_.write(journal_, counting_round());
    transaction.commit();
  } catch (const Error&) {
    for (const Pending& pending : std::exchange(pending_, {})) {
      verdict(pending, wire::VerdictKind::kWait, "no space left on the coordinator's disk");
    }
    throw;
  }
  traffic_.clear();
  const auto durable = std::exchange(pending_, {});
  for (std::size_t i = 0; i < durable.size(); ++i) {
    round_->reported(durable[i].update.client);
    verdict(durable[i], kinds[i]);
  }
}

void Coordinator::close_round(TimePoint now) {
  const int extensions = round_->extensions();
  const Round::Phase phase = round_->phase(now);
  if (round_->extensions() > extensions) {
    uploads_.forget_all();  // of clients that vanished in the middle; the others start again
    note("round.extended", str("round=", round_->id(), " reported=", round_->num_reported(),
                               " of=", round_->cohort().size()));
  }
  check(phase != Round::Phase::kHopeless, ErrorCode::kIncompatible, "[round ", round_->id(),
        "] failed: no client of the cohort could report; the last said: ",
        round_->dropouts().empty() ? "" : round_->dropouts().rbegin()->second);
  if (phase != Round::Phase::kComplete) {
    return;
  }
  model_.begin();
  for (const ClientId& client : journal_.reported(round_->id())) {
    const runs::StoredUpdate update = journal_.update(round_->id(), client);
    model_.add(update.payload, update.num_examples);
  }
  model_.step();
  stepped_ = true;
}

void Coordinator::finish_round(TimePoint now) {
  const RoundId id = round_->id();
  RoundSummary summary{.round = id,
                       .clients = round_->num_reported(),
                       .accuracy = std::nullopt,
                       .seconds = seconds(now - round_->start())};
  for (const ClientId& client : journal_.reported(id)) {
    summary.train_loss +=
        journal_.update(id, client).train_loss / static_cast<double>(round_->num_reported());
  }
  model_.save(directory_);
  {
    auto transaction = journal_.begin();
    traffic_.write(journal_, id);
    journal_.add_metric(id, "train_loss", summary.train_loss);
    journal_.commit_round(id, model_.next_digest(), summary.seconds);
    if (id == static_cast<RoundId>(settings_.federation.rounds)) {
      journal_.set_meta(runs::kStateKey, runs::kStateFinished);
    }
    transaction.commit();
  }
  traffic_.clear();
  model_.commit();
  round_.reset();
  stepped_ = false;
  uploads_.forget_all();
  directory_.prune(id);
  for (const runs::LedgerRow& row : journal_.bytes_by(runs::GroupBy::kRound)) {
    if (row.round == id && row.stage == kStageFramed) {
      (row.direction == runs::Direction::kUplink ? summary.uplink_bytes : summary.downlink_bytes) +=
          row.bytes;
    }
  }
  evaluate_round(id, summary);
  if (events_.on_round) {
    events_.on_round(summary);
  }
}

void Coordinator::evaluate_round(RoundId round, RoundSummary& summary) {
  if (!settings_.evaluate) {
    return;
  }
  summary.accuracy = settings_.evaluate(model_.state());
  try {
    journal_.add_metric(round, "accuracy", *summary.accuracy);
  } catch (const Error& error) {  // the round is committed; a number for plots may be missing
    note("metric.lost", error.what());
  }
}

void Coordinator::say_bye(bool finished) {
  for (const auto& [client, member] : roster_.members()) {
    send(client, member.connection,
         wire::Bye{.session = member.session,
                   .reason = finished ? wire::ByeReason::kFinished : wire::ByeReason::kStopping,
                   .detail = finished ? "all rounds are done" : "the coordinator is stopping"});
  }
  auto transaction = journal_.begin();
  traffic_.write(journal_, model_.version());
  transaction.commit();
  traffic_.clear();
}

}  // namespace lorae::coordinator
