#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/config_reader.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lorae::apps {

/// Reads a command line into `app`, which gets --version and --log-format besides (subcommands
/// have the second, too): the words behind the program's name, where "~/" at the beginning of a
/// path is the user's home. Subcommands run meanwhile. Returns the exit status if the program is to
/// end now: after --help, or a usage text.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv);
std::optional<int> parse(CLI::App& app, std::vector<std::string> words);

/// --home: a folder; without it the one of the environment, which is only asked for when it is
/// needed. Make it before the command line is parsed, and keep it where it is.
class HomeFlag {
 public:
  /// `use`: what the home is for, such as "keys and caches".
  HomeFlag(CLI::App& app, const std::string& use);
  HomeFlag(const HomeFlag&) = delete;
  HomeFlag& operator=(const HomeFlag&) = delete;

  bool given() const;
  /// Errors: kInvalidConfig for --home "", and as default_home.
  std::filesystem::path folder() const;
  CLI::Option* option() const { return option_; }

 private:
  std::string text_;
  CLI::Option* option_;
};

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
  /// The same for all of `keys`.
  CLI::Option* number(const std::string& flag,
                      const std::vector<std::string>& keys,
                      const std::string& help);
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
