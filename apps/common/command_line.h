#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lorae::apps {

/// Reads a command line into `app`, which gets --version besides: the words behind the program's
/// name, where "~/" at the beginning of a path is the user's home. Subcommands run meanwhile.
/// Returns the exit status if the program is to end now: after --help, or a usage text.
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

}  // namespace lorae::apps
