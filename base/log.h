#pragma once

#include <string_view>

#include "base/str.h"

namespace lorae {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Writes "2026-01-31 12:00:01.042 warning client.denied key=..." to standard error, with the local
/// time, as one line (see printable). Event names are constant `noun.verb` words to search for;
/// numbers to plot go to the journal instead. Folders below `client` and `coordinator` do not log,
/// but for `data`, which says what it leaves out.
/// Threads: any.
void log_line(LogLevel level, std::string_view event, std::string_view details);

/// Hides everything below `level`; kInfo at start.
void set_log_level(LogLevel level);

template <typename... Parts>
void log_info(std::string_view event, const Parts&... details) {
  log_line(LogLevel::kInfo, event, str(details...));
}

template <typename... Parts>
void log_warning(std::string_view event, const Parts&... details) {
  log_line(LogLevel::kWarning, event, str(details...));
}

template <typename... Parts>
void log_debug(std::string_view event, const Parts&... details) {
  log_line(LogLevel::kDebug, event, str(details...));
}

}  // namespace lorae
