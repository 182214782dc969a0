#pragma once

namespace lorae::apps {

/// SIGINT and SIGTERM ask for a stop while this lives; a second one ends the program at once.
/// Threads: one at a time in a process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Threads: any.
  static bool asked();
};

}  // namespace lorae::apps
