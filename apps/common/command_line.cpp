#include "apps/common/command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <sstream>

#include "apps/common/output.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"

namespace lorae::apps {
namespace {

/// "~/x" and "--out=~/x", which a shell leaves as they are in quotes and behind "=".
std::string with_home(const std::string& word) {
  const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
  return equals == std::string::npos
             ? expand_user(word)
             : word.substr(0, equals + 1) + expand_user(word.substr(equals + 1));
}

/// A whole number, else a number, else the text itself, for a message that shows it.
ConfigValue::Value number_of(const std::string& text) {
  const auto read_as = [&](auto number) -> ConfigValue::Value {
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && rest == end ? ConfigValue::Value(number)
                                               : ConfigValue::Value(text);
  };
  const ConfigValue::Value whole = read_as(std::int64_t{});
  return std::holds_alternative<std::string>(whole) ? read_as(double{}) : whole;
}

/// For lines of the log that come before the rest of the command line is looked at, too.
void add_log_format(CLI::App& app) {
  app.add_option_function<std::string>(
         "--log-format",
         [](const std::string& format) {
           set_log_format(format == "json" ? LogFormat::kJson : LogFormat::kText);
         },
         "of events on standard error: text, or json: an object per line")
      ->check(CLI::IsMember({"text", "json"}))
      ->envname("LORAE_LOG_FORMAT")
      ->trigger_on_parse();
  const std::function<void(CLI::App*)> let_through = [&](CLI::App* command) {
    for (CLI::App* below : command->get_subcommands([](const CLI::App*) { return true; })) {
      below->fallthrough();
      let_through(below);
    }
  };
  let_through(&app);
}

}  // namespace

std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  return parse(app, {argv, argv + argc});
}

std::optional<int> parse(CLI::App& app, std::vector<std::string> words) {
  app.set_version_flag("--version", std::string("LoRAE " LORAE_VERSION), "print the version");
  if (app.get_option_no_throw("--log-format") == nullptr) {  // a command line may be read twice
    add_log_format(app);
  }
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

CLI::Option* ConfigFlags::number(const std::string& flag,
                                 const std::string& key,
                                 const std::string& help) {
  return number(flag, std::vector{key}, help);
}

CLI::Option* ConfigFlags::number(const std::string& flag,
                                 const std::vector<std::string>& keys,
                                 const std::string& help) {
  const auto keep = [this, flag, keys](const std::string& value) {
    for (const std::string& key : keys) {
      flags_.emplace_back(key, ConfigValue{number_of(value), flag});
    }
  };
  return app_.add_option_function<std::string>(flag, keep, help);
}

CLI::Option* ConfigFlags::text(const std::string& flag,
                               const std::string& key,
                               const std::string& help,
                               const Edit& edit) {
  const auto keep = [this, flag, key, edit](const std::string& value) {
    flags_.emplace_back(key, ConfigValue{edit ? edit(value) : value, flag});
  };
  return app_.add_option_function<std::string>(flag, keep, help);
}

CLI::Option* ConfigFlags::settings(const std::string& help) {
  return app_.add_option("--set", settings_, help)->allow_extra_args(false);
}

void ConfigFlags::apply(ConfigReader& reader) const {
  for (const auto& [key, value] : flags_) {
    reader.set(key, value);
  }
  for (const std::string& assignment : settings_) {
    reader.set(assignment);
  }
}

}  // namespace lorae::apps
