#include "apps/common/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sstream>

#include "apps/common/output.h"
#include "base/error.h"
#include "base/home.h"

namespace lorae::apps {
namespace {

/// "~/x" and "--out=~/x", which a shell leaves as they are in quotes and behind "=".
std::string with_home(const std::string& word) {
  const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
  return equals == std::string::npos
             ? expand_user(word)
             : word.substr(0, equals + 1) + expand_user(word.substr(equals + 1));
}

}  // namespace

std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  return parse(app, {argv, argv + argc});
}

std::optional<int> parse(CLI::App& app, std::vector<std::string> words) {
  app.set_version_flag("--version", std::string("LoRAE " LORAE_VERSION), "print the version");
  std::vector<std::string> rest;  // CLI11 takes them from behind
  for (std::size_t i = words.size(); i > 1; --i) {
    rest.push_back(with_home(words[i - 1]));
  }
  app.name(words.empty() ? "" : words.front());
  try {
    app.parse(std::move(rest));
  } catch (const CLI::ParseError& end) {
    std::ostringstream output, errors;
    const int status = app.exit(end, output, errors);
    put(output.str());
    std::fputs(errors.str().c_str(), stderr);
    return status;
  }
  return std::nullopt;
}

HomeFlag::HomeFlag(CLI::App& app, const std::string& use)
    : option_(app.add_option("--home",
                             text_,
                             use + "; default: $LORAE_HOME, else $XDG_STATE_HOME/lorae, else "
                                   "~/.local/state/lorae")) {}

bool HomeFlag::given() const {
  return option_->count() > 0;
}

std::filesystem::path HomeFlag::folder() const {
  check(!given() || !text_.empty(), ErrorCode::kInvalidConfig,
        "[home] --home: expected a folder, got nothing");
  return given() ? std::filesystem::path(text_) : default_home();
}

}  // namespace lorae::apps
