#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/config_reader.h"
#include "base/text.h"

namespace lorae {
namespace {

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

/// The shortest text that reads back as the same double, with a point or an exponent: 600.0.
std::string number_text(double value) {
  const std::string out = fmt::format("{}", value);
  return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

struct ValueText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  template <typename T>
  std::string operator()(const std::vector<T>& values) const {
    std::string out = "[";
    for (std::size_t i = 0; i < values.size(); ++i) {
      out += str(i == 0 ? "" : ", ", (*this)(values[i]));
    }
    return out + "]";
  }
};

}  // namespace

std::string config_text(const ConfigValue::Value& value) {
  return std::visit(ValueText{}, value);
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
  std::string line = str(key, " = ", config_text(value.value));
  check(is_utf8(line), ErrorCode::kInvalidConfig, "[config] ", line,
        ": expected UTF-8, which a configuration is kept as; rename what is not");
  if (!help.empty()) {
    line.resize(std::max<std::size_t>(line.size(), 36), ' ');
    line += str("  # ", help);
  }
  text_ += line + '\n';
}

}  // namespace lorae
