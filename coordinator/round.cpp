#include "coordinator/round.h"

#include <algorithm>
#include <cmath>
#include <iterator>
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

void Round::reported(const ClientId& client) {
  dropped_.erase(client);
  reported_.insert(client);
}

void Round::dropped(const ClientId& client, const std::string& why) {
  if (awaits(client)) {
    dropped_[client] = why;
  }
}

std::vector<ClientId> Round::missing() const {
  std::vector<ClientId> missing;
  std::ranges::copy_if(cohort_, std::back_inserter(missing),
                       [&](const ClientId& client) { return awaits(client); });
  return missing;
}

Round::Phase Round::phase(TimePoint now, const std::function<bool(const ClientId&)>& is_here) {
  if (reported_.size() + dropped_.size() == cohort_.size()) {
    return reported_.empty() ? Phase::kHopeless : Phase::kComplete;
  }
  if (now < deadline_) {
    return Phase::kCollecting;
  }
  const auto working = static_cast<std::size_t>(std::ranges::count_if(missing(), is_here));
  if (reported_.empty() && working == 0) {
    return Phase::kHopeless;
  }
  const auto counted = static_cast<double>(reported_.size() + working);
  constexpr double kRounding = 1e-9;  // 0.55 * 20 is a little more than 11
  const double needed = std::max(1.0, std::ceil(options_.min_fraction * counted - kRounding));
  if (static_cast<double>(reported_.size()) >= needed) {
    return Phase::kComplete;
  }
  deadline_ = now + options_.report_deadline;
  ++extensions_;
  return Phase::kCollecting;
}

}  // namespace lorae::coordinator
