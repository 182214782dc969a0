#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/named.h"

namespace lorae {

/// What a value of a configuration may be.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> choices;  ///< for text; empty: any text
  /// For lists of numbers: names that stand for one.
  std::vector<std::pair<std::string_view, std::vector<double>>> presets = {};
};

inline Allowed anything() {
  return {};
}
inline Allowed at_least(double low) {
  return {.low = low, .choices = {}};
}
inline Allowed between(double low, double high) {
  return {.low = low, .high = high, .choices = {}};
}
inline Allowed between(double low,
                       double high,
                       std::vector<std::pair<std::string_view, std::vector<double>>> presets) {
  return {.low = low, .high = high, .choices = {}, .presets = std::move(presets)};
}
inline Allowed one_of(std::vector<std::string_view> choices) {
  return {.choices = std::move(choices)};
}

/// One value with the place it was written at, for messages: "run.toml:3", "--set".
struct ConfigValue {
  using Value = std::variant<bool,
                             std::int64_t,
                             double,
                             std::string,
                             std::vector<std::int64_t>,
                             std::vector<double>,
                             std::vector<std::string>>;
  Value value;
  std::string origin;
};

/// A value as TOML.
std::string config_text(const ConfigValue::Value& value);

/// The value of a field of an option struct.
template <typename Field>
ConfigValue::Value value_of(const Field& field) {
  if constexpr (std::is_same_v<Field, std::uint64_t>) {
    return static_cast<std::int64_t>(field);
  } else if constexpr (std::is_same_v<Field, ByteCount>) {
    return field.value;
  } else if constexpr (Named<Field>) {
    return std::string(name_of(field));
  } else if constexpr (std::is_same_v<Field, std::vector<double>>) {
    return field.size() == 1 ? ConfigValue::Value(field.front()) : ConfigValue::Value(field);
  } else {
    return field;
  }
}

/// TOML (file, text or `--set key=value`) read into option structs.
///
/// An option struct has a function next to it that names its fields once:
///   template <typename V> void visit_fields(FitOptions& o, V&& visit) {
///     visit("batch_size", o.batch_size, at_least(1), "samples per optimiser step");
///   }
/// Fields are bool, std::int64_t, std::uint64_t, double, std::string, vectors of std::int64_t,
/// double or std::string, a ByteCount (2000 or "2 kB"), or an enum with names (named.h). One number
/// or text is a list of one, too. Use: load or parse, then `set` overrides, then `read` each
/// struct, then `finish`. Errors: kInvalidConfig as "file:line: key: expected X, got Y".
class ConfigReader {
 public:
  ConfigReader() = default;

  static ConfigReader load(const std::filesystem::path& file);
  static ConfigReader parse(std::string_view toml, std::string_view origin);

  /// An override "training.batch_size=16"; the value is TOML, or bare text.
  void set(std::string_view assignment);
  /// An override by a command-line flag, such as `--rounds`.
  void set(std::string key, ConfigValue value) { values_[std::move(key)] = std::move(value); }

  /// Takes the values of `other` for keys that have none here.
  void fill(const ConfigReader& other) {
    values_.insert(other.values_.begin(), other.values_.end());
  }

  /// Reads the table `section` ("" is the top level) into `options`; absent keys keep their value.
  template <typename Options>
  void read(const std::string& section, Options& options) {
    visit_fields(options, [&](std::string_view key, auto& field, const Allowed& allowed,
                              std::string_view /*help*/) {
      read_field(section.empty() ? std::string(key) : str(section, '.', key), field, allowed);
    });
  }

  /// Reads the array of tables [[section]]; `options` is replaced if there is at least one. Keys
  /// that an entry does not have are those of `start`.
  template <typename Options>
  void read_list(const std::string& section,
                 std::vector<Options>& options,
                 const Options& start = {}) {
    const std::size_t size = list_size(section);
    if (size > 0) {
      options.assign(size, start);
    }
    for (std::size_t i = 0; i < size; ++i) {
      read(str(section, '.', i), options[i]);
    }
  }

  /// True if the file or an override gives `key` a value.
  bool has(const std::string& key) const { return values_.contains(key); }

  /// Errors: kInvalidConfig for a key that no `read` asked for, with the nearest known one.
  void finish() const;

  /// The keys that no `read` asked for, each with its place: for texts of a newer version, whose
  /// unknown keys are told and not refused.
  std::vector<std::string> unknown() const;

  /// "run.toml:3: training.batch_size" for a message about a rule that joins several fields.
  std::string where(const std::string& key) const;

 private:
  void read_field(const std::string& key, bool& field, const Allowed& allowed);
  void read_field(const std::string& key, std::int64_t& field, const Allowed& allowed);
  void read_field(const std::string& key, std::uint64_t& field, const Allowed& allowed);
  void read_field(const std::string& key, double& field, const Allowed& allowed);
  void read_field(const std::string& key, ByteCount& field, const Allowed& allowed);
  void read_field(const std::string& key, std::string& field, const Allowed& allowed);
  void read_field(const std::string& key, std::vector<std::int64_t>& field, const Allowed& allowed);
  void read_field(const std::string& key, std::vector<double>& field, const Allowed& allowed);
  void read_field(const std::string& key, std::vector<std::string>& field, const Allowed& allowed);

  template <Named Enum>
  void read_field(const std::string& key, Enum& field, const Allowed& /*allowed*/) {
    std::string name(name_of(field));
    std::vector<std::string_view> names{kNames<Enum>.begin(), kNames<Enum>.end()};
    names.insert(names.end(), kOldNames<Enum>.begin(), kOldNames<Enum>.end());
    read_field(key, name, one_of(std::move(names)));
    field = *named<Enum>(name);
  }

  const ConfigValue* find(const std::string& key);
  std::size_t list_size(const std::string& section) const;

  std::map<std::string, ConfigValue> values_;  // dotted key -> value
  std::set<std::string> known_;
};

/// The values of option structs by dotted key, as TOML; to compare two configurations.
class ConfigValues {
 public:
  template <typename Options>
  void add(const std::string& section, const Options& options) {
    Options copy = options;  // as in ConfigPrinter
    visit_fields(copy, [&](std::string_view key, const auto& field, const Allowed& /*allowed*/,
                           std::string_view /*help*/) {
      values_[section.empty() ? std::string(key) : str(section, '.', key)] =
          config_text(value_of(field));
    });
  }
  const std::map<std::string, std::string>& all() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
};

/// Writes option structs as commented TOML that ConfigReader reads back to the same values.
class ConfigPrinter {
 public:
  template <typename Options>
  void print(const std::string& section, const Options& options) {
    begin(section);
    // visit_fields takes a mutable struct so that one function serves reading and printing.
    Options copy = options;
    visit_fields(copy, [&](std::string_view key, const auto& field, const Allowed& /*allowed*/,
                           std::string_view help) {
      print_field(key, {value_of(field), {}}, help);
    });
  }

  /// Prints as part of the section before it, under "part.key", the fields in which `options` is
  /// not as `usual`.
  template <typename Options>
  void print_changed(const std::string& part, const Options& options, const Options& usual) {
    ConfigValues before;
    before.add("", usual);
    Options copy = options;
    visit_fields(copy, [&](std::string_view key, const auto& field, const Allowed& /*allowed*/,
                           std::string_view help) {
      if (before.all().at(std::string(key)) != config_text(value_of(field))) {
        print_field(str(part, '.', key), {value_of(field), {}}, help);
      }
    });
  }

  const std::string& text() const { return text_; }

 private:
  void begin(const std::string& section);
  void print_field(std::string_view key, const ConfigValue& value, std::string_view help);

  std::string text_;
};

/// Visits the fields of a part of an option struct under "prefix.key".
template <typename Part, typename Visitor>
void visit_part(const std::string& prefix, Part& part, Visitor&& visit) {
  visit_fields(
      part, [&](std::string_view key, auto& field, const Allowed& allowed, std::string_view help) {
        visit(str(prefix, '.', key), field, allowed, help);
      });
}

}  // namespace lorae
