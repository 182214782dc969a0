#include "base/log.h"

#include <fmt/chrono.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "base/text.h"

namespace lorae {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%d %H:%M:%S.%e %^%l%$ %v";

std::atomic<LogFormat> format_in_force{LogFormat::kText};

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("lorae", terminal_of(STDERR_FILENO).colours
                                                     ? spdlog::color_mode::always
                                                     : spdlog::color_mode::never);
    made->set_pattern(kTextPattern);
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

/// RFC 3339, local: "2026-01-31T12:00:01.042+01:00".
std::string time_text() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t second = std::chrono::system_clock::to_time_t(now);
  const auto fraction = std::chrono::duration_cast<std::chrono::milliseconds>(
                            now - std::chrono::system_clock::from_time_t(second))
                            .count();
  std::tm local{};
  ::localtime_r(&second, &local);
  const std::string offset = fmt::format("{:%z}", local);  // "+0100"
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}{}:{}", local, fraction, offset.substr(0, 3),
                     offset.substr(3));
}

std::string json_of(LogLevel level, std::string_view event, const LogDetails& details) {
  nlohmann::ordered_json line{
      {"time", time_text()},
      {"level", spdlog::level::to_string_view(level_of(level)).data()},
      {"event", event},
      {"fields", nlohmann::ordered_json::object()},
  };
  for (const auto& [name, value] : details.fields()) {
    std::visit([&line, &name = name](const auto& known) { line["fields"][name] = known; }, value);
  }
  if (const std::string words = details.words(); !words.empty()) {
    line["message"] = words;
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_name(std::string_view word) {
  return !word.empty() &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

}  // namespace

std::string LogDetails::words() const {
  const auto first = words_.find_first_not_of(" ;,");
  const auto last = words_.find_last_not_of(' ');
  return first == std::string::npos ? "" : words_.substr(first, last + 1 - first);
}

void LogDetails::take_value(const std::string& text, Value value) {
  text_ += text;
  fields_.emplace_back(std::exchange(name_, {}), std::move(value));
}

void LogDetails::take_words(std::string_view words) {
  text_ += words;
  if (words.ends_with('=')) {
    const auto blank = words.find_last_of(' ');
    const std::size_t begin = blank == std::string_view::npos ? 0 : blank + 1;
    const std::string_view name = words.substr(begin, words.size() - 1 - begin);
    if (is_name(name)) {
      name_ = name;
      words = words.substr(0, begin == 0 ? 0 : begin - 1);
    }
  }
  words_ += words;
}

void log_line(LogLevel level, std::string_view event, const LogDetails& details) {
  if (log_format() == LogFormat::kText) {
    logger().log(level_of(level), "{} {}", event, printable(details.text()));
  } else if (logger().should_log(level_of(level))) {
    logger().log(level_of(level), "{}", json_of(level, event, details));
  }
}

void set_log_level(LogLevel level) {
  logger().set_level(level_of(level));
}

void set_log_format(LogFormat format) {
  format_in_force = format;
  logger().set_pattern(format == LogFormat::kJson ? "%v" : kTextPattern);
}

LogFormat log_format() {
  return format_in_force;
}

}  // namespace lorae
