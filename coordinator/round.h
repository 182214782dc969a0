#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "wire/messages.h"

namespace lorae::coordinator {

struct RoundOptions {
  double min_fraction = 0.8;
  Duration report_deadline = std::chrono::minutes(10);
};

/// The bookkeeping of one round, without sockets, threads, tensors or a clock: events and the time
/// go in, answers come out. The server and the simulator share it.
///
/// A round is complete when every member of the cohort has reported or dropped out, or when the
/// deadline has passed and min_fraction of those members have reported that neither dropped out nor
/// fell silent. While fewer have, the deadline is extended: the model has not changed, so what is
/// here stays valid, and so does what a silent member sends when it is back.
class Round {
 public:
  /// `cohort` is sorted and not empty. `reported`: members whose updates are durable from before
  /// a restart.
  Round(RoundId id,
        std::vector<ClientId> cohort,
        TimePoint start,
        RoundOptions options,
        const std::vector<ClientId>& reported = {});

  /// What to answer to an update of `round` from `client`; kAccepted means: count it once it is
  /// durable, then call `reported`.
  wire::VerdictKind judge(RoundId round, const ClientId& client) const;
  /// Counts, even if it dropped out between its update and the disk.
  void reported(const ClientId& client);
  /// `client` will not report: rejected, declined or revoked.
  void dropped(const ClientId& client, const std::string& why);
  /// `client` connected again: whatever it dropped out for may be mended.
  void returned(const ClientId& client) { dropped_.erase(client); }

  /// True while `client` has something to do in this round.
  bool awaits(const ClientId& client) const;
  /// Those members.
  std::vector<ClientId> missing() const;

  enum class Phase {
    kCollecting,
    kComplete,
    kHopeless,  ///< nobody reported, and everybody dropped out or has been silent too long
  };
  /// `is_here`: whether a member shows signs of life. Extends the deadline if it passed with too
  /// few reports; then `extensions` grows.
  Phase phase(TimePoint now, const std::function<bool(const ClientId&)>& is_here);

  RoundId id() const { return id_; }
  const std::vector<ClientId>& cohort() const { return cohort_; }
  std::size_t num_reported() const { return reported_.size(); }
  const std::map<ClientId, std::string>& dropouts() const { return dropped_; }
  int extensions() const { return extensions_; }
  TimePoint start() const { return start_; }

 private:
  bool is_member(const ClientId& client) const;

  RoundId id_;
  std::vector<ClientId> cohort_;
  TimePoint start_;
  TimePoint deadline_;
  RoundOptions options_;
  std::set<ClientId> reported_;
  std::map<ClientId, std::string> dropped_;
  int extensions_ = 0;
};

}  // namespace lorae::coordinator
