#include "report/training_files.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/atomic_file.h"
#include "base/error.h"

namespace lorae::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ',');) {
    fields.push_back(field);
  }
  return fields;
}

/// NaN for what is no number: a loss may be "nan".
double number_of(const std::string& text) {
  double value = std::nan("");
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::vector<Measured> read_results(const fs::path& file) {
  std::istringstream in{std::string(text_of(read_file(file)))};
  std::string line;
  std::getline(in, line);
  std::vector<Measured> columns;
  for (const std::string& name : split(line)) {
    columns.push_back({.name = name, .values = {}});
  }
  check(!columns.empty() && columns.front().name == "epoch", ErrorCode::kCorruptData, "[report] '",
        file.string(), "': expected columns from 'epoch' on, got '", line, "'");
  while (std::getline(in, line)) {
    const std::vector<std::string> fields = split(line);
    check(fields.size() == columns.size(), ErrorCode::kCorruptData, "[report] '", file.string(),
          "': expected ", columns.size(), " fields, got '", line, "'");
    for (std::size_t i = 0; i < fields.size(); ++i) {
      columns[i].values.push_back(number_of(fields[i]));
    }
  }
  return columns;
}

nlohmann::ordered_json read_summary(const fs::path& file) {
  if (!fs::exists(file)) {
    return Json::object();
  }
  const Json summary = Json::parse(text_of(read_file(file)), nullptr, /*allow_exceptions=*/false);
  check(summary.is_object(), ErrorCode::kCorruptData, "[report] '", file.string(),
        "': expected a JSON object");
  return summary;
}

}  // namespace lorae::report
