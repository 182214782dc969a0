#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "base/terminal.h"
#include "base/text.h"

namespace lorae {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("lorae", terminal_of(STDERR_FILENO).colours
                                                     ? spdlog::color_mode::always
                                                     : spdlog::color_mode::never);
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void log_line(LogLevel level, std::string_view event, std::string_view details) {
  logger().log(level_of(level), "{} {}", event, printable(details));
}

void set_log_level(LogLevel level) {
  logger().set_level(level_of(level));
}

}  // namespace lorae
