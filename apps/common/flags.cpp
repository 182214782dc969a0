#include "apps/common/flags.h"

#include <CLI/CLI.hpp>
#include <charconv>

namespace lorae::apps {
namespace {

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

}  // namespace

CLI::Option* ConfigFlags::number(const std::string& flag,
                                 const std::string& key,
                                 const std::string& help) {
  const auto keep = [this, flag, key](const std::string& value) {
    flags_.emplace_back(key, ConfigValue{number_of(value), flag});
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
