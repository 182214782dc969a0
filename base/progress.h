#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/terminal.h"

namespace lorae {

/// Shows how far a long job is on standard error: on a terminal that redraws (see Terminal) a bar
/// with rate and time left, on one line however narrow that is; elsewhere a plain line now and
/// then, in the log's format.
class Progress {
 public:
  /// `unit` is what is counted, in the plural: "images", "rounds", "trainings".
  Progress(std::string label, std::int64_t total, std::string unit);
  /// Ends the bar's line if `finish` did not.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::int64_t done, const std::string& note = {});
  void finish(const std::string& note = {});
  /// Ends the line where it is, with what was done.
  void stop(const std::string& note = {}) { show(note, true); }

 private:
  std::string text(double elapsed, const std::string& note) const;
  void draw(const std::string& line);
  void show(const std::string& note, bool last);

  std::string label_;
  std::int64_t total_;
  std::string unit_;
  std::int64_t done_ = 0;
  Terminal terminal_;
  bool open_ = false;       // a bar is on the current line
  std::size_t drawn_ = 0;   // columns of that line
  std::string last_shown_;  // what was done and noted on it
  TimePoint start_;
  TimePoint shown_;
};

/// "1.4 s", "3 min 20 s", "2 h 5 min".
std::string human_seconds(double seconds);

}  // namespace lorae
