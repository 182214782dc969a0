#include "base/config_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>

#include "base/atomic_file.h"
#include "base/bytes.h"
#include "base/home.h"
#include "base/text.h"

namespace lorae {
namespace {

using Values = std::map<std::string, ConfigValue>;

[[noreturn]] void invalid(const ConfigValue& value,
                          const std::string& key,
                          const std::string& what) {
  fail(ErrorCode::kInvalidConfig, value.origin, ": ", key, ": ", what);
}

void flatten(const toml::node& node,
             const std::string& key,
             const std::string& origin,
             Values& out);

/// [1, 2, 3] becomes one value, [[methods]] one entry per table.
void flatten_array(const toml::array& array,
                   const std::string& key,
                   const ConfigValue& place,
                   const std::string& origin,
                   Values& out) {
  if (array.is_homogeneous(toml::node_type::table)) {
    for (std::size_t i = 0; i < array.size(); ++i) {
      flatten(*array.get(i), str(key, '.', i), origin, out);
    }
    return;
  }
  if (!array.empty() && array.is_homogeneous(toml::node_type::string)) {
    std::vector<std::string> texts;
    for (const toml::node& item : array) {
      texts.push_back(*item.value_exact<std::string>());
    }
    out[key] = {texts, place.origin};
    return;
  }
  std::vector<std::int64_t> whole;
  std::vector<double> numbers;
  for (const toml::node& item : array) {
    if (!item.is_number()) {
      invalid(place, key, "expected a list of numbers, such as [0, 1, 2], or of texts");
    }
    numbers.push_back(*item.value<double>());
    if (item.is_integer()) {
      whole.push_back(*item.value<std::int64_t>());
    }
  }
  if (whole.size() == numbers.size()) {
    out[key] = {whole, place.origin};
  } else {
    out[key] = {numbers, place.origin};
  }
}

void flatten(const toml::node& node,
             const std::string& key,
             const std::string& origin,
             Values& out) {
  if (const auto* table = node.as_table()) {
    for (const auto& [name, child] : *table) {
      const std::string child_name(name.str());
      flatten(child, key.empty() ? child_name : str(key, '.', child_name), origin, out);
    }
    return;
  }
  const auto line = node.source().begin.line;
  ConfigValue value{false, line > 0 && origin != "--set" ? str(origin, ':', line) : origin};
  if (const auto* array = node.as_array()) {
    flatten_array(*array, key, value, origin, out);
  } else if (const auto boolean = node.value_exact<bool>()) {
    out[key] = {*boolean, value.origin};
  } else if (const auto integer = node.value_exact<std::int64_t>()) {
    out[key] = {*integer, value.origin};
  } else if (const auto real = node.value_exact<double>()) {
    out[key] = {*real, value.origin};
  } else if (const auto text = node.value_exact<std::string>()) {
    out[key] = {*text, value.origin};
  } else {
    invalid(value, key, "expected a number, text, true or false; dates are not used here");
  }
}

/// "~/images" of a person's file or flag; a plan from a coordinator means nobody's home.
void expand_users(Values& values) {
  for (auto& [key, value] : values) {
    if (auto* const text = std::get_if<std::string>(&value.value)) {
      *text = expand_user(*text);
    }
  }
}

std::string range_text(const Allowed& allowed) {
  const auto show = [](double bound) {
    const std::string text = config_text(bound);
    return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
  };
  if (allowed.high == std::numeric_limits<double>::infinity()) {
    return allowed.low == -allowed.high ? std::string{} : str(" of at least ", show(allowed.low));
  }
  return str(" in [", show(allowed.low), ", ", show(allowed.high), "]");
}

void check_range(const ConfigValue& value,
                 const std::string& key,
                 double number,
                 const Allowed& allowed,
                 std::string_view kind) {
  if (!std::isfinite(number) || number < allowed.low || number > allowed.high) {
    invalid(value, key,
            str("expected ", kind, range_text(allowed), ", got ", config_text(value.value)));
  }
}

}  // namespace

ConfigReader ConfigReader::load(const std::filesystem::path& file) {
  const Bytes bytes = read_file(file);
  ConfigReader reader = parse(text_of(bytes), file.string());
  expand_users(reader.values_);
  return reader;
}

ConfigReader ConfigReader::parse(std::string_view toml, std::string_view origin) {
  ConfigReader reader;
  try {
    flatten(toml::parse(toml), "", std::string(origin), reader.values_);
  } catch (const toml::parse_error& error) {
    fail(ErrorCode::kInvalidConfig, origin, ':', error.source().begin.line, ": ",
         error.description());
  }
  return reader;
}

void ConfigReader::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  check(equals != std::string_view::npos && equals > 0, ErrorCode::kInvalidConfig,
        "--set: expected key=value, got '", assignment, "'");
  const std::string key(assignment.substr(0, equals));
  const std::string text(assignment.substr(equals + 1));
  Values parsed;
  try {
    flatten(*toml::parse(str("value = ", text)).get("value"), key, "--set", parsed);
  } catch (const toml::parse_error&) {
    parsed[key] = {text, "--set"};  // bare text: --set model.name=resnet18
  }
  expand_users(parsed);
  for (auto& [name, value] : parsed) {
    values_[name] = std::move(value);
  }
}

void ConfigReader::finish() const {
  for (const auto& [key, value] : values_) {
    if (!known_.contains(key)) {
      const std::string guess = nearest(key, known_);
      invalid(value, key,
              guess.empty() ? "unknown key; --print-config lists the known ones"
                            : str("unknown key; did you mean '", guess, "'?"));
    }
  }
}

std::vector<std::string> ConfigReader::unknown() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : values_) {
    if (!known_.contains(key)) {
      keys.push_back(where(key));
    }
  }
  return keys;
}

std::string ConfigReader::where(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? key : str(found->second.origin, ": ", key);
}

const ConfigValue* ConfigReader::find(const std::string& key) {
  known_.insert(key);
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::size_t ConfigReader::list_size(const std::string& section) const {
  constexpr std::size_t kMostEntries = 1000;
  std::size_t size = 0;
  const auto has_entry = [&](std::size_t index) {
    const std::string prefix = str(section, '.', index, '.');
    const auto found = values_.lower_bound(prefix);
    return found != values_.end() && found->first.starts_with(prefix);
  };
  while (size < kMostEntries && has_entry(size)) {
    ++size;
  }
  return size;
}

void ConfigReader::read_field(const std::string& key, bool& field, const Allowed& /*allowed*/) {
  if (const ConfigValue* value = find(key)) {
    if (!std::holds_alternative<bool>(value->value)) {
      invalid(*value, key, str("expected true or false, got ", config_text(value->value)));
    }
    field = std::get<bool>(value->value);
  }
}

void ConfigReader::read_field(const std::string& key, std::int64_t& field, const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    if (!std::holds_alternative<std::int64_t>(value->value)) {
      invalid(
          *value, key,
          str("expected a whole number", range_text(allowed), ", got ", config_text(value->value)));
    }
    field = std::get<std::int64_t>(value->value);
    check_range(*value, key, static_cast<double>(field), allowed, "a whole number");
  }
}

void ConfigReader::read_field(const std::string& key,
                              std::uint64_t& field,
                              const Allowed& allowed) {
  auto number = static_cast<std::int64_t>(field);
  Allowed not_negative = allowed;
  not_negative.low = std::max(allowed.low, 0.0);
  read_field(key, number, not_negative);
  field = static_cast<std::uint64_t>(number);
}

void ConfigReader::read_field(const std::string& key, double& field, const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    if (const auto* integer = std::get_if<std::int64_t>(&value->value)) {
      field = static_cast<double>(*integer);
    } else if (const auto* real = std::get_if<double>(&value->value)) {
      field = *real;
    } else {
      invalid(*value, key,
              str("expected a number", range_text(allowed), ", got ", config_text(value->value)));
    }
    check_range(*value, key, field, allowed, "a number");
  }
}

void ConfigReader::read_field(const std::string& key, ByteCount& field, const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    std::optional<ByteCount> count;
    if (const auto* integer = std::get_if<std::int64_t>(&value->value)) {
      count = ByteCount{*integer};
    } else if (const auto* text = std::get_if<std::string>(&value->value)) {
      count = parse_byte_count(*text);
    }
    if (!count) {
      invalid(*value, key,
              str("expected a number of bytes, such as 2000 or \"2 kB\", got ",
                  config_text(value->value)));
    }
    field = *count;
    check_range(*value, key, static_cast<double>(field.value), allowed, "a number of bytes");
  }
}

void ConfigReader::read_field(const std::string& key, std::string& field, const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    if (!std::holds_alternative<std::string>(value->value)) {
      invalid(*value, key, str("expected text in quotes, got ", config_text(value->value)));
    }
    field = std::get<std::string>(value->value);
    if (!is_utf8(field)) {
      invalid(*value, key,
              str("expected UTF-8, which a configuration is kept as, got ", printable(field)));
    }
    if (!allowed.choices.empty() &&
        std::find(allowed.choices.begin(), allowed.choices.end(), field) == allowed.choices.end()) {
      std::vector<std::string> quoted;
      for (const std::string_view choice : allowed.choices) {
        quoted.push_back(str('"', choice, '"'));
      }
      const std::string guess = nearest(field, {allowed.choices.begin(), allowed.choices.end()});
      invalid(*value, key,
              str("expected one of ", join(quoted), ", got ", config_text(value->value),
                  guess.empty() ? "" : str("; did you mean \"", guess, "\"?")));
    }
  }
}

void ConfigReader::read_field(const std::string& key,
                              std::vector<std::int64_t>& field,
                              const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value->value);
    if (numbers == nullptr || numbers->empty()) {
      invalid(*value, key,
              str("expected a list of whole numbers, such as [0, 1, 2], got ",
                  config_text(value->value)));
    }
    for (const std::int64_t number : *numbers) {
      check_range(*value, key, static_cast<double>(number), allowed, "whole numbers");
    }
    field = *numbers;
  }
}

void ConfigReader::read_field(const std::string& key,
                              std::vector<double>& field,
                              const Allowed& allowed) {
  const ConfigValue* value = find(key);
  if (value == nullptr) {
    return;
  }
  std::vector<double> numbers;
  if (const auto* list = std::get_if<std::vector<double>>(&value->value)) {
    numbers = *list;
  } else if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&value->value)) {
    numbers.assign(whole->begin(), whole->end());
  } else if (const auto* real = std::get_if<double>(&value->value)) {
    numbers = {*real};
  } else if (const auto* integer = std::get_if<std::int64_t>(&value->value)) {
    numbers = {static_cast<double>(*integer)};
  }
  std::vector<std::string> names;
  for (const auto& [name, preset] : allowed.presets) {
    names.push_back(str('"', name, '"'));
    if (value->value == ConfigValue::Value(std::string(name))) {
      numbers = preset;
    }
  }
  if (numbers.empty()) {
    invalid(*value, key,
            str("expected a number", range_text(allowed), ", a list of them",
                names.empty() ? "" : " or ", join(names), ", got ", config_text(value->value)));
  }
  for (const double number : numbers) {
    check_range(*value, key, number, allowed, "numbers");
  }
  field = numbers;
}

void ConfigReader::read_field(const std::string& key,
                              std::vector<std::string>& field,
                              const Allowed& /*allowed*/) {
  if (const ConfigValue* value = find(key)) {
    if (const auto* text = std::get_if<std::string>(&value->value)) {
      field = {*text};
      return;
    }
    const auto* texts = std::get_if<std::vector<std::string>>(&value->value);
    const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value->value);
    if (texts == nullptr && (numbers == nullptr || !numbers->empty())) {
      invalid(*value, key,
              str("expected a list of texts, such as [\"cat\", \"dog\"], got ",
                  config_text(value->value)));
    }
    field = texts == nullptr ? std::vector<std::string>{} : *texts;
  }
}

}  // namespace lorae
