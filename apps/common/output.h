#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/metrics.h"

namespace lorae::apps {

/// Prints on standard output. Control characters, which a name from a file may hold, are shown and
/// not sent (see printable); what cannot be written is told by `finish_output`.
void put(std::string_view text);

template <typename... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
  put(fmt::format(format, std::forward<Values>(values)...));
}

/// "top1 71.3 %, loss/train 0.412": fractions in percent, losses as they are.
std::string metrics_text(const Metrics& metrics);

/// Errors: kUnavailable if standard output did not take all, for example on a full disk.
void finish_output();

/// Errors: kInvalidConfig if `folder` holds files but not the `marker` of what is written there,
/// such as "a training": files of others would be overwritten.
void expect_own_folder(const std::filesystem::path& folder,
                       std::string_view marker,
                       std::string_view what);

/// JSON on one line; bytes that are not UTF-8, such as those of a path, are replaced.
template <typename Json>
std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lorae::apps
