#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/config_reader.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lorae::apps {

/// Command-line flags that change keys of a configuration, and `--set KEY=VALUE`. A message about
/// a value names the flag that it came from: "--rounds: federation.rounds: expected ...".
///
/// Make it before the command line is parsed, and keep it where it is until `apply`.
class ConfigFlags {
 public:
  using Edit = std::function<std::string(const std::string&)>;

  explicit ConfigFlags(CLI::App& app) : app_(app) {}
  ConfigFlags(const ConfigFlags&) = delete;
  ConfigFlags& operator=(const ConfigFlags&) = delete;

  /// A flag for a number. What is none is refused by `ConfigReader::read`, which knows the range.
  CLI::Option* number(const std::string& flag, const std::string& key, const std::string& help);
  /// A flag for a text, which is taken as it stands: "7" is a text, too. `edit` may change it.
  CLI::Option* text(const std::string& flag,
                    const std::string& key,
                    const std::string& help,
                    const Edit& edit = {});
  /// Adds --set, which may be repeated.
  CLI::Option* settings(const std::string& help = "KEY=VALUE, overrides the file");

  /// Overrides the keys: those of flags first, then those of --set in their order, so that for one
  /// key the last --set holds.
  void apply(ConfigReader& reader) const;

 private:
  CLI::App& app_;
  std::vector<std::pair<std::string, ConfigValue>> flags_;
  std::vector<std::string> settings_;
};

}  // namespace lorae::apps
