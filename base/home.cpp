#include "base/home.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace lorae {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

}  // namespace

std::filesystem::path default_home() {
  if (const auto home = variable("LORAE_HOME"); !home.empty()) {
    return expand_user(home);
  }
  if (const auto state = variable("XDG_STATE_HOME"); !state.empty()) {
    return std::filesystem::path(expand_user(state)) / "lorae";
  }
  const auto user = variable("HOME");
  check(!user.empty(), ErrorCode::kInvalidConfig,
        "[home] no HOME in the environment; set LORAE_HOME or give --home");
  return std::filesystem::path(user) / ".local" / "state" / "lorae";
}

std::string expand_user(std::string_view path) {
  const std::string_view user = variable("HOME");
  const bool meant = path == "~" || path.starts_with("~/");
  return meant && !user.empty() ? std::string(user).append(path.substr(1)) : std::string(path);
}

std::string_view default_home_variable() {
  for (const char* name : {"LORAE_HOME", "XDG_STATE_HOME", "HOME"}) {
    if (!variable(name).empty()) {
      return name;
    }
  }
  return {};
}

}  // namespace lorae
