#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace lorae {

/// Unsets the variables that choose a home, and puts them back in the end.
class HomeVariables {
 public:
  HomeVariables() {
    for (const char* name : {"LORAE_HOME", "XDG_STATE_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      ::unsetenv(name);
    }
  }
  ~HomeVariables() {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
  }
  HomeVariables(const HomeVariables&) = delete;
  HomeVariables& operator=(const HomeVariables&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace lorae
