#pragma once

#include <concepts>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/str.h"

namespace lorae {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// One event on a line, for people, or as a JSON object for machines.
enum class LogFormat { kText, kJson };

/// What an event's line says: text, and apart from each other the values in it that have a name
/// and the words around them.
class LogDetails {
 public:
  using Value = std::variant<std::int64_t, double, std::string>;

  LogDetails() = default;
  LogDetails(std::string words) { add(std::move(words)); }           // NOLINT: words are details
  LogDetails(const char* words) : LogDetails(std::string(words)) {}  // NOLINT: likewise

  template <typename Part>
  void add(const Part& part) {
    if (!name_.empty()) {
      take_value(str(part), value_of(part));
    } else if constexpr (std::is_convertible_v<Part, std::string_view>) {
      take_words(std::string_view(part));
    } else {
      take_words(str(part));
    }
  }

  /// For people: everything, in its order.
  const std::string& text() const { return text_; }
  const std::vector<std::pair<std::string, Value>>& fields() const { return fields_; }
  /// Everything but the fields.
  std::string words() const;

 private:
  template <typename Part>
  static Value value_of(const Part& part) {
    if constexpr (std::is_floating_point_v<Part>) {
      return static_cast<double>(part);
    } else if constexpr (std::is_integral_v<Part>) {
      return static_cast<std::int64_t>(part);
    } else if constexpr (requires {
                           { part.value } -> std::convertible_to<std::uint64_t>;
                         }) {
      return static_cast<std::int64_t>(part.value);  // the number of a round
    } else {
      return str(part);
    }
  }
  void take_value(const std::string& text, Value value);
  void take_words(std::string_view words);

  std::string text_;
  std::string words_;
  std::string name_;  // of the part that comes next
  std::vector<std::pair<std::string, Value>> fields_;
};

inline std::ostream& operator<<(std::ostream& out, const LogDetails& details) {
  return out << details.text();
}

/// Puts parts together as `str` does. A text that ends with "name=" names the part behind it:
/// log_details("client=", id, " round=", 3, " has no images").
template <typename... Parts>
LogDetails log_details(const Parts&... parts) {
  LogDetails details;
  (details.add(parts), ...);
  return details;
}

/// Writes "2026-01-31 12:00:01.042 warning client.denied key=..." to standard error, with the local
/// time, as one line (see printable); or, as kJson, {"time", "level", "event", "fields": {...},
/// "message"}, the time with its offset, "message" if there are words besides. Event names are
/// constant `noun.verb` words to search for; numbers to plot go to the journal instead. Folders
/// below `client` and `coordinator` do not log, but for `data`, which says what it leaves out.
/// Threads: any.
void log_line(LogLevel level, std::string_view event, const LogDetails& details);

/// Hides everything below `level`; kInfo at start.
void set_log_level(LogLevel level);

/// Of all lines from now on; kText at start.
void set_log_format(LogFormat format);
LogFormat log_format();

template <typename... Parts>
void log_info(std::string_view event, const Parts&... details) {
  log_line(LogLevel::kInfo, event, log_details(details...));
}

template <typename... Parts>
void log_warning(std::string_view event, const Parts&... details) {
  log_line(LogLevel::kWarning, event, log_details(details...));
}

template <typename... Parts>
void log_debug(std::string_view event, const Parts&... details) {
  log_line(LogLevel::kDebug, event, log_details(details...));
}

}  // namespace lorae
