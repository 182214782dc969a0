#include "coordinator/round.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lorae::coordinator {

Round::Round(RoundId id,
             std::vector<ClientId> cohort,
             TimePoint start,
             RoundOptions options,
             const std::vector<ClientId>& reported)
    : id_(id),
      cohort_(std::move(cohort)),
      start_(start),
      deadline_(start + options.report_deadline),
      options_(options),
      reported_(reported.begin(), reported.end()) {}

bool Round::is_member(const ClientId& client) const {
  return std::binary_search(cohort_.begin(), cohort_.end(), client);
}

bool Round::awaits(const ClientId& client) const {
  return is_member(client) && !reported_.contains(client) && !dropped_.contains(client);
}

wire::VerdictKind Round::judge(RoundId round, const ClientId& client) const {
  if (round < id_) {
    return wire::VerdictKind::kLate;
  }
  if (round > id_ || !is_member(client) || dropped_.contains(client)) {
    return wire::VerdictKind::kRejected;
  }
  return reported_.contains(client) ? wire::VerdictKind::kDuplicate : wire::VerdictKind::kAccepted;
}

void Round::dropped(const ClientId& client, const std::string& why) {
  if (awaits(client)) {
    dropped_[client] = why;
  }
}

Round::Phase Round::phase(TimePoint now) {
  if (reported_.size() + dropped_.size() == cohort_.size()) {
    return reported_.empty() ? Phase::kHopeless : Phase::kComplete;
  }
  if (now < deadline_) {
    return Phase::kCollecting;
  }
  constexpr double kRounding = 1e-9;  // 0.55 * 20 is a little more than 11
  const double needed =
      std::ceil(options_.min_fraction * static_cast<double>(cohort_.size()) - kRounding);
  if (static_cast<double>(reported_.size()) >= needed) {
    return Phase::kComplete;
  }
  deadline_ = now + options_.report_deadline;
  ++extensions_;
  return Phase::kCollecting;
}

}  // namespace lorae::coordinator
