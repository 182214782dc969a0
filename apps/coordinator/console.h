#pragma once

#include <string>

#include "coordinator/coordinator.h"
#include "transport/zmq_server.h"

namespace lorae::apps {

/// What lorae-coordinator prints on standard output: lines for people, or one JSON object per line.
class Console {
 public:
  Console(bool as_json, std::int64_t rounds) : as_json_(as_json), rounds_(rounds) {}

  void round(const coordinator::RoundSummary& round) const;
  /// Numbers of an evaluation, when they are there.
  void metrics(RoundId round, const Metrics& metrics) const;
  void summary(const coordinator::Coordinator& coordinator,
               const runs::RunDirectory& directory,
               const runs::Journal& journal,
               const transport::ServerCounters& counters) const;

 private:
  bool as_json_;
  std::int64_t rounds_;
};

}  // namespace lorae::apps
