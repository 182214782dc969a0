#include <fmt/format.h>

#include "report/comparison.h"
#include "report/curves.h"

namespace lorae::report {
namespace {

/// A field of a CSV file: quoted where it holds what separates fields.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char letter : text) {
    quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  }
  return quoted + "\"";
}

}  // namespace

std::string curves_csv(const Comparison& comparison) {
  const std::vector<std::string> metrics = metric_names(comparison);
  std::string text =
      "name,method,seed,round,cohort,updates,uplink_bytes,downlink_bytes,control_bytes,"
      "bytes_so_far,seconds";
  for (const std::string& name : metrics) {
    text += "," + field(name);
  }
  text += "\n";
  for (const ComparisonRun& run : comparison.runs) {
    double so_far = 0;
    for (const RoundRecord& round : run.by_round) {
      so_far += round.uplink_bytes + round.downlink_bytes;
      text +=
          fmt::format("{},{},{},{},{},{},{},{},{},{},{}", field(run.name), field(run.method),
                      run.seed, round.round.value, round.cohort, round.updates, round.uplink_bytes,
                      round.downlink_bytes, round.control_bytes, so_far, round.seconds);
      for (const std::string& name : metrics) {
        const auto value = round.metrics.find(name);
        text += value ? fmt::format(",{}", *value) : ",";
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace lorae::report
