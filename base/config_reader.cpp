#include "base/config_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "base/atomic_file.h"
#include "base/bytes.h"

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
  std::vector<std::int64_t> numbers;
  for (const toml::node& item : array) {
    const auto number = item.value_exact<std::int64_t>();
    if (!number) {
      invalid(place, key, "expected a list of whole numbers, such as [0, 1, 2]");
    }
    numbers.push_back(*number);
  }
  out[key] = {numbers, place.origin};
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

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {  // TOML allows no control characters as they are
      out += "\\u00" + to_hex(std::array{std::byte{code}});
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

/// The shortest text that reads back as the same double, always with a point or an exponent;
/// 600 is "600.0", not "6e+02".
std::string number_text(double value) {
  constexpr double kPlainBelow = 1e6;
  std::array<char, 32> text{};
  if (std::trunc(value) == value && std::fabs(value) < kPlainBelow) {
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
  }
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text.data(), text.size(), "%.*g", digits, value);
    if (std::strtod(text.data(), nullptr) == value) {  // stod throws at the ends of the range
      break;
    }
  }
  const std::string out = text.data();
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

struct ValueText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<std::int64_t>& values) const {
    std::string out = "[";
    for (std::size_t i = 0; i < values.size(); ++i) {
      out += str(i == 0 ? "" : ", ", values[i]);
    }
    return out + "]";
  }
};

std::string text_of_value(const ConfigValue& value) {
  return std::visit(ValueText{}, value.value);
}

std::string range_text(const Allowed& allowed) {
  const auto show = [](double bound) {
    const std::string text = number_text(bound);
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
  if (!(number >= allowed.low && number <= allowed.high)) {
    invalid(value, key,
            str("expected ", kind, range_text(allowed), ", got ", text_of_value(value)));
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

ConfigReader ConfigReader::load(const std::filesystem::path& file) {
  const Bytes bytes = read_file(file);
  return parse(text_of(bytes), file.string());
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
      invalid(*value, key, str("expected true or false, got ", text_of_value(*value)));
    }
    field = std::get<bool>(value->value);
  }
}

void ConfigReader::read_field(const std::string& key, std::int64_t& field, const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    if (!std::holds_alternative<std::int64_t>(value->value)) {
      invalid(*value, key,
              str("expected a whole number", range_text(allowed), ", got ", text_of_value(*value)));
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
              str("expected a number", range_text(allowed), ", got ", text_of_value(*value)));
    }
    check_range(*value, key, field, allowed, "a number");
  }
}

void ConfigReader::read_field(const std::string& key, std::string& field, const Allowed& allowed) {
  if (const ConfigValue* value = find(key)) {
    if (!std::holds_alternative<std::string>(value->value)) {
      invalid(*value, key, str("expected text in quotes, got ", text_of_value(*value)));
    }
    field = std::get<std::string>(value->value);
    if (!allowed.choices.empty() &&
        std::find(allowed.choices.begin(), allowed.choices.end(), field) == allowed.choices.end()) {
      std::string choices;
      for (const std::string_view choice : allowed.choices) {
        choices += str(choices.empty() ? "" : ", ", '"', choice, '"');
      }
      const std::string guess = nearest(field, {allowed.choices.begin(), allowed.choices.end()});
      invalid(*value, key,
              str("expected one of ", choices, ", got ", text_of_value(*value),
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
      invalid(
          *value, key,
          str("expected a list of whole numbers, such as [0, 1, 2], got ", text_of_value(*value)));
    }
    for (const std::int64_t number : *numbers) {
      check_range(*value, key, static_cast<double>(number), allowed, "whole numbers");
    }
    field = *numbers;
  }
}

void ConfigPrinter::begin(const std::string& section) {
  if (!section.empty()) {
    // "methods.0" is an entry of the array of tables [[methods]].
    const std::size_t dot = section.rfind('.');
    const bool entry = dot != std::string::npos &&
                       section.find_first_not_of("0123456789", dot + 1) == std::string::npos;
    text_ += entry ? str("\n[[", section.substr(0, dot), "]]\n") : str("\n[", section, "]\n");
  }
}

void ConfigPrinter::print_field(std::string_view key,
                                const ConfigValue& value,
                                std::string_view help) {
  std::string line = str(key, " = ", text_of_value(value));
  if (!help.empty()) {
    line.resize(std::max<std::size_t>(line.size(), 36), ' ');
    line += str("  # ", help);
  }
  text_ += line + '\n';
}

std::string nearest(std::string_view word, const std::set<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace lorae
