#include "base/config_difference.h"

#include "base/str.h"

namespace lorae {

std::vector<ConfigDifference> differences(const std::map<std::string, std::string>& before,
                                          const std::map<std::string, std::string>& now) {
  std::map<std::string, ConfigDifference> all;
  for (const auto& [key, value] : before) {
    all[key] = {key, value, ""};
  }
  for (const auto& [key, value] : now) {
    all[key].key = key;
    all[key].now = value;
  }
  std::vector<ConfigDifference> found;
  for (auto& [key, difference] : all) {
    if (difference.before != difference.now) {
      found.push_back(std::move(difference));
    }
  }
  return found;
}

std::string text_of(const std::vector<ConfigDifference>& differences) {
  std::string text;
  for (const ConfigDifference& one : differences) {
    text += str(text.empty() ? "" : ", ", one.key, ' ', one.before, " -> ", one.now);
  }
  return text;
}

}  // namespace lorae
