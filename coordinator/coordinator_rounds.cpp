#include <algorithm>
#include <utility>

#include "coordinator/coordinator.h"
#include "coordinator/selection.h"

// The life of rounds: who is in, when one closes, what becomes of it.
namespace lorae::coordinator {
namespace {

constexpr int kHeartbeatsMissed = 4;              // then a client counts as gone
constexpr std::uint64_t kMostPushed = 1U << 15U;  // bytes of a model that comes with its round

Duration to_duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

std::size_t cohort_size(const FederationOptions& options) {
  return static_cast<std::size_t>(options.cohort == 0 ? kLargestCohort : options.cohort);
}

std::string names_of(const std::vector<ClientId>& clients) {
  std::string names;
  for (const ClientId& client : clients) {
    names += str(names.empty() ? "" : ", ", client);
  }
  return names;
}

}  // namespace

Duration Coordinator::patience() const {
  return to_duration(settings_.federation.heartbeat * kHeartbeatsMissed);
}

bool Coordinator::is_here(const ClientId& client, TimePoint now) const {
  const Roster::Member* member = roster_.find(client);
  return member != nullptr && now - member->heard <= patience();
}

bool Coordinator::needs_share(const ClientId& client) const {
  const Roster::Member* member = roster_.find(client);
  return member != nullptr && !member->own_data && !shares_.contains(client);
}

/// Somebody for whom no share of the private images is left.
void Coordinator::turn_away(const ClientId& client) {
  const Roster::Member* member = roster_.find(client);
  if (member == nullptr) {
    return;
  }
  note("client.without_share",
       log_details("client=", client, " shares=", settings_.federation.clients));
  send(client, member->connection,
       wire::Bye{.session = member->session,
                 .reason = wire::ByeReason::kNoShare,
                 .detail = str("all ", settings_.federation.clients,
                               " shares of the run's own images are taken: give this client "
                               "images of its own with --data")});
  roster_.leave(client);
  if (round_) {
    round_->dropped(client, "no share is left for it");
  }
}

void Coordinator::assign(const ClientId& client, bool in_full) {
  const Roster::Member* member = roster_.find(client);
  if (member == nullptr) {
    return;  // gets it when it is back
  }
  if (needs_share(client)) {  // came back without the images that it had
    round_->dropped(client, "has neither images of its own nor a share in this round");
    return;
  }
  const auto share = shares_.find(client);
  const auto counted = counted_.find(client);
  const Broadcast::Offer offer = broadcast_.offer(member->held_version);
  const wire::Assignment assignment{
      .session = member->session,
      .round = round_->id(),
      .model = offer.object,
      .model_bytes = offer.bytes,
      .backbone = backbone_digest_,
      .backbone_bytes = settings_.backbone.size(),
      .share_index = share == shares_.end() ? 0 : static_cast<std::uint64_t>(share->second),
      .share_count = static_cast<std::uint64_t>(settings_.federation.clients),
      .learning_rate_factor = learning_rate_factor(settings_.federation, round_->id()),
      .base_version = offer.base,
      .counted = counted == counted_.end() ? RoundId{0} : counted->second,
      .state = offer.state};
  if (!in_full && member->brief && member->assigned && offer.bytes <= kMostPushed) {
    push(client, *member, assignment);
    return;
  }
  send(client, member->connection, assignment);
  roster_.assigned(client);
}

/// The round in few bytes, with its model.
void Coordinator::push(const ClientId& client,
                       const Roster::Member& member,
                       const wire::Assignment& assignment) {
  traffic_.count(client, runs::Direction::kDownlink, broadcast_.stages(assignment.model));
  send(client, member.connection,
       wire::NextRound{.session = assignment.session,
                       .round = assignment.round,
                       .model = shortened(assignment.model),
                       .learning_rate_factor = assignment.learning_rate_factor,
                       .base_version = assignment.base_version,
                       .counted = assignment.counted,
                       .state = shortened(assignment.state),
                       .body = *broadcast_.find(assignment.model)},
       kLayerModel);
}

void Coordinator::start_round(RoundId id, std::vector<ClientId> cohort, TimePoint now) {
  const RoundOptions options{settings_.federation.min_fraction,
                             to_duration(settings_.federation.report_deadline)};
  round_.emplace(id, std::move(cohort), now, options, journal_.reported(id));
  intake_.begin(state_.tensors(), id);
  round_began_ = timed(now);
  for (const ClientId& client : round_->cohort()) {
    assign(client);
  }
}

void Coordinator::resume_round(TimePoint now) {
  if (const auto open = journal_.open_round()) {
    start_round(open->round, open->cohort, now);
    sum_is_stale_ = round_->num_reported() > 0;
    note("round.resumed", log_details("round=", open->round, " durable=", round_->num_reported()));
  }
}

void Coordinator::announce_waiting(std::size_t present, std::size_t needed) {
  if (announced_present_ != present && events_.on_waiting) {
    events_.on_waiting(present, needed);
  }
  announced_present_ = present;
}

void Coordinator::open_round(TimePoint now) {
  std::vector<ClientId> ready = roster_.present(now, patience());
  std::erase_if(resting_, [&](const auto& entry) { return entry.second <= now; });
  std::erase_if(ready, [&](const ClientId& client) { return resting_.contains(client); });
  const auto needed = static_cast<std::size_t>(settings_.federation.min_clients);
  if (ready.size() < needed) {
    announce_waiting(ready.size(), needed);
    return;
  }
  // Shares go by name among those who are here first, so the order of arrival does not matter.
  auto shares = shares_;
  std::vector<ClientId> turned_away;
  for (const ClientId& client : ready) {
    if (!needs_share(client)) {
      continue;
    }
    if (std::ssize(shares) < settings_.federation.clients) {
      shares.emplace(client, std::ssize(shares));
    } else {
      turned_away.push_back(client);
    }
  }
  std::erase_if(ready, [&](const ClientId& client) {
    return std::ranges::find(turned_away, client) != turned_away.end();
  });
  std::ranges::for_each(turned_away, [&](const ClientId& client) { turn_away(client); });
  if (ready.size() < needed) {
    announce_waiting(ready.size(), needed);
    return;
  }
  const RoundId id = state_.version().next();
  auto cohort =
      select_cohort(std::move(ready), cohort_size(settings_.federation), id, settings_.seed);
  auto transaction = journal_.begin();
  for (const auto& [client, share] : shares) {
    if (!shares_.contains(client)) {
      journal_.set_share(client, share);
    }
  }
  journal_.open_round(id, cohort);
  transaction.commit();
  shares_ = std::move(shares);
  announced_present_.reset();
  start_round(id, std::move(cohort), now);
}

void Coordinator::note_extension(TimePoint now) const {
  std::string missing;
  for (const ClientId& client : round_->missing()) {
    const bool here = is_here(client, now);
    missing += str(missing.empty() ? "" : ", ", client, here ? " (works)" : " (silent)");
  }
  note("round.extended", log_details("round=", round_->id(), " reported=", round_->num_reported(),
                                     " of=", round_->cohort().size(), " missing: ", missing,
                                     "; to wait longer raise federation.report_deadline (",
                                     settings_.federation.report_deadline,
                                     "), to go on with fewer lower federation.min_fraction (",
                                     settings_.federation.min_fraction, "), and start again"));
}

/// Everybody declined, was rejected or revoked, or fell silent: the round is opened again without
/// them.
void Coordinator::give_up_round(TimePoint now) {
  const auto rest = to_duration(settings_.federation.report_deadline);
  std::string reasons;
  for (const auto& [client, why] : round_->dropouts()) {
    resting_[client] = now + rest;
    reasons += str(reasons.empty() ? "" : "; ", client, ": ", why);
  }
  for (const ClientId& client : round_->missing()) {
    reasons += str(reasons.empty() ? "" : "; ", client, ": silent");
  }
  note("round.failed", log_details("round=", round_->id(), " nobody of the cohort could report: ",
                                   reasons, "; waiting for others, or for these to connect again"));
  uploads_.forget_all();
  round_.reset();
}

void Coordinator::close_round(TimePoint now) {
  const int extensions = round_->extensions();
  const Round::Phase phase =
      round_->phase(now, [&](const ClientId& client) { return is_here(client, now); });
  if (round_->extensions() > extensions) {
    uploads_.forget_all();  // of clients that vanished in the middle; the others start again
    note_extension(now);
  }
  if (phase == Round::Phase::kHopeless) {
    give_up_round(now);
    return;
  }
  if (phase != Round::Phase::kComplete) {
    return;
  }
  if (const auto missing = round_->missing(); !missing.empty()) {
    note("round.without", log_details("round=", round_->id(), " missing=", names_of(missing)));
  }
  sum_again_if_stale();
  result_ = intake_.finish();
  state_.step(*result_);
}

TimePoint Coordinator::timed(TimePoint now) const {
  return settings_.stopwatch ? settings_.stopwatch() : now;
}

void Coordinator::finish_round(TimePoint now) {
  const RoundId id = round_->id();
  RoundSummary summary{.round = id,
                       .clients = round_->num_reported(),
                       .metrics = journal_.mean_metrics(id),
                       .seconds = seconds(timed(now) - round_began_)};
  for (const auto& [name, value] : result_->report) {
    summary.metrics.set(name, value);
  }
  state_.save(directory_);
  {
    auto transaction = journal_.begin();
    traffic_.write(journal_, id);
    journal_.add_metrics(id, summary.metrics);
    journal_.commit_round(id, state_.next_digest(), summary.seconds,
                          settings_.federation.keep_updates);
    if (id == last_round(settings_.federation)) {
      journal_.set_meta(runs::kStateKey, runs::kStateFinished);
    }
    transaction.commit();
  }
  traffic_.clear();
  for (const ClientId& client : journal_.reported(id)) {
    counted_[client] = id;
  }
  state_.commit();
  broadcast_.advance(state_.tensors(), id);
  round_.reset();
  result_.reset();
  uploads_.forget_all();
  if (!settings_.federation.keep_updates) {
    directory_.prune(id);
  }
  for (const runs::LedgerRow& row : journal_.bytes_of_round(id, kStageFramed)) {
    (row.direction == runs::Direction::kUplink ? summary.uplink_bytes : summary.downlink_bytes) +=
        row.bytes;
  }
  if (events_.on_round) {
    events_.on_round(summary);
  }
  if (events_.on_state) {
    events_.on_state(id, state_.tensors());
  }
}

}  // namespace lorae::coordinator
